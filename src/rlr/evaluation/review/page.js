// Keeps what is judged, and writes it down as the CSV that `rlr data label --from` reads.
(() => {
  const form = document.getElementById("judging");
  const cards = [...form.querySelectorAll(".card")];
  const save = document.getElementById("save");

  function labelOf(card) {
    const chosen = card.querySelector("input[type=radio]:checked").value;
    const name = card.querySelector("input[type=text]");
    if (chosen !== "defect") return chosen;
    return name.value.trim() && name.checkValidity() ? name.value.trim() : "";
  }

  function show() {
    for (const card of cards) {
      card.dataset.label = card.querySelector("input[type=radio]:checked").value;
    }
    const judged = cards.filter(labelOf).length;
    document.getElementById("count").textContent = judged;
    save.disabled = judged === 0;
  }

  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

  function table() {
    const rows = cards.filter(labelOf).map((card) => [card.dataset.path, labelOf(card)]);
    return [["path", "label"], ...rows].map((row) => row.map(quoted).join(",") + "\n").join("");
  }

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = "labels.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  window.addEventListener("beforeunload", (event) => {
    if (cards.some(labelOf)) event.preventDefault();
  });
  show();
})();
