package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

// printTriedEndpoint shows the call of an endpoint and what its records hold.
func printTriedEndpoint(w io.Writer, t triedEndpoint) {
	p := pageOf(w)
	p.putStyled(plainText, "", bold, t.Application+"/"+t.Endpoint)
	p.put("  ", fmt.Sprintf("connector %s, key at %s, mode %s, records of kind %s", t.Connector, t.Key, t.Mode, t.Kind))
	p.put("  ", "called "+t.Time.Local().Format("2006-01-02 15:04:05"))
	p.blank()
	for _, r := range t.Call.Requests {
		printTriedRequest(p, r)
	}
	if more := t.Call.Sent - len(t.Call.Requests); more > 0 {
		p.put("", fmt.Sprintf("... and %s", counted(more, "further request", "further requests")))
	}
	p.put("", fmt.Sprintf("%s on %s, after %s", counted(int(t.Call.Records), "record", "records"), counted(t.Call.Pages, "page", "pages"),
		(time.Duration(t.Call.Took)*time.Millisecond).String()))
	printTriedEnd(p, t)
	if len(t.Attributes) > 0 {
		p.blank()
		printRecordAttributes(w, t)
	}
	printDivergence(w, t.RunningAgent, "This is the endpoint of the file.")
}

func printTriedRequest(p *page, r tryout.Request) {
	p.put("request: ", r.Method+" "+r.URL)
	if r.Body != "" {
		p.lines(plainText, "    ", strings.ReplaceAll(strings.TrimSpace(r.Body), "\n", "\n    "))
	}
	if r.Status == 0 {
		p.putStyled(red, "no answer: ", plainText, r.Problem)
		return
	}
	p.put("answer: ", fmt.Sprintf("%d %s, %d bytes after %d ms", r.Status, http.StatusText(r.Status), r.Bytes, r.Took))
}

func printTriedEnd(p *page, t triedEndpoint) {
	switch {
	case t.Call.Problem != "":
		p.putStyled(red, "Failed: ", plainText, t.Call.Problem)
		if t.Call.Records > 0 {
			p.put("", "A run would not use the records that came: they are not all of them.")
		}
	case !t.Call.Complete:
		p.put("", "It ended at the wanted number of pages: there may be more.")
	}
	if t.Problems > 0 {
		p.putStyled(yellow, "Caution: ", plainText, fmt.Sprintf("%s would be set aside. The first: %s",
			counted(int(t.Problems), "record", "records"), t.Problem))
	}
	if t.Deleted > 0 {
		p.put("", counted(int(t.Deleted), "key is reported as deleted", "keys are reported as deleted"))
	}
	if t.Partial > 0 {
		p.put("", counted(int(t.Partial), "attachment", "attachments"))
	}
	if t.Saved != "" {
		p.put("saved: ", t.Saved)
	}
}

func printRecordAttributes(w io.Writer, t triedEndpoint) {
	samples := false
	for _, a := range t.Attributes {
		samples = samples || len(a.Samples) > 0
	}
	header := "ATTRIBUTE\tTYPE\tVALUE\tNULL\tEMPTY\tABSENT\tTEMPLATE"
	if samples {
		header += "\tSUCH AS"
	}
	table(w, header, func(row func(cells ...any)) {
		for _, a := range t.Attributes {
			template := ""
			if a.Template != "" {
				template = tryout.Line(a.Template)
			}
			cells := []any{a.Name, strings.Join(a.Types, ", "), a.Present, a.Null, a.Empty, a.Absent, template}
			if samples {
				cells = append(cells, strings.Join(a.Samples, " | "))
			}
			row(cells...)
		}
	})
	if t.More {
		pageOf(w).put("", "Further attributes are not listed: there are too many, or they lie too deep.")
	}
}
