// Writes robfig.json: what robfig/cron makes of each "ZONE|EXPRESSION" on stdin, for the year 2026.
//
// Debian's golang-github-robfig-cron-dev has version 3.0.1. Kubeflow has 1.2, in which steps keep
// the star (`*/2` counts as a star where the two day fields meet): take out `extra = 0` of
// parser.go in a copy to get that, put this file and the copy into a GOPATH, GO111MODULE=off.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron"
)

type entry struct {
	Zone    string `json:"zone"`
	Cron    string `json:"cron"`
	Refused bool   `json:"refused,omitempty"`
	Count   *int   `json:"count,omitempty"`
	Sha256  string `json:"sha256,omitempty"`
}

func main() {
	parser := cron.NewParser(
		cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	entries := []string{}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		zone, expression, _ := strings.Cut(lines.Text(), "|")
		place, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		found := entry{Zone: zone, Cron: expression}
		if schedule, err := parser.Parse(expression); err != nil {
			found.Refused = true
		} else {
			count, digest := 0, sha256.New()
			moment := schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).In(place))
			for ; !moment.IsZero() && !moment.After(end); moment = schedule.Next(moment) {
				count++
				fmt.Fprintf(digest, "%d\n", moment.Unix())
			}
			found.Count, found.Sha256 = &count, fmt.Sprintf("%x", digest.Sum(nil))
		}
		text, _ := json.Marshal(found)
		entries = append(entries, string(text))
	}
	fmt.Printf("[\n%s\n]\n", strings.Join(entries, ",\n"))
}
