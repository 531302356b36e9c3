package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// printTrial shows a test call of a webhook.
func printTrial(w io.Writer, t service.TestWebhookAnswer) {
	p := pageOf(w)
	p.putStyled(plainText, "", bold, fmt.Sprintf("%s about %s (%s)", t.Webhook, t.Name, t.DN))
	if t.Linked != "" {
		p.put("  ", fmt.Sprintf("linked to %s in application %s%s", t.Linked, t.Application, ofKind(t.LinkKind)))
	} else {
		p.put("  ", "not linked in application "+t.Application+ofKind(t.LinkKind))
	}
	if t.OutOfScope {
		p.putStyled(yellow, "  Caution: ", plainText, "the object lies outside of the directory's scope, so that no automation would send this")
	}
	if t.Queued > 0 {
		p.putStyled(yellow, "  Caution: ", plainText, fmt.Sprintf(
			"%s about it to %s, and a test call overtakes what waits: %s",
			counted(t.Queued, "delivery waits to be sent", "deliveries wait to be sent"), t.Application,
			ticked(ident.Command("queue list --application", t.Application))))
	}
	if t.DryRun != nil {
		printRehearsal(p, t)
	}
	for _, x := range t.Sent {
		printExchange(p, x)
	}
	if t.Verdict != nil {
		p.blank()
		printVerdict(p, t)
	}
	printDivergence(w, t.RunningAgent, "This is the webhook of the file.")
}

// ofKind names the kind of a link, where it is not the usual one.
func ofKind(kind string) string {
	if kind == "" || kind == ident.UserKind {
		return ""
	}
	return " (kind " + kind + ")"
}

func printRehearsal(p *page, t service.TestWebhookAnswer) {
	r := t.DryRun
	if r.Verify != nil {
		p.blank()
		p.put("", "The application is asked first whether that is done already:")
		printRequest(p, *r.Verify)
	}
	if !r.Exact() {
		for _, x := range r.Requests {
			p.blank()
			p.put("", "The connector asks first:")
			printRequest(p, x)
		}
		p.blank()
		p.put("", "What follows depends on the answer; the webhook itself is:")
		printRequest(p, r.Whole)
	} else {
		p.blank()
		if r.Verify != nil {
			p.put("", "Then, if it is not:")
		}
		printRequest(p, r.Requests[0])
	}
	p.blank()
	p.putStyled(plainText, "", bold, "Nothing was sent.")
	if t.NotEnabled {
		p.put("", fmt.Sprintf("Nothing would be, either: application %s is not enabled.", t.Application))
	}
	if t.MakesLink {
		p.put("", "The key in the answer would become the object's link.")
	}
}

func printRequest(p *page, x service.Exchange) {
	p.put("request: ", x.Method+" "+x.URL)
	if x.Unauthorized {
		p.put("    ", "(the credentials are put on when it is sent)")
	}
	printMessage(p, x.Header, nil, x.Body, int64(x.BodySize))
}

func printExchange(p *page, x service.Exchange) {
	p.blank()
	printRequest(p, x)
	if x.Status == 0 {
		p.putStyled(red, "no answer: ", plainText, x.Problem)
		return
	}
	p.put("answer: ", fmt.Sprintf("%d %s after %s", x.Status, http.StatusText(x.Status), x.Took.Round(time.Millisecond)))
	printMessage(p, x.Answer, ofInterest, x.AnswerBody, x.AnswerSize)
}

// ofInterest reports whether a header of an answer tells people something.
func ofInterest(name string) bool {
	name = text.Lower(name)
	return slices.Contains([]string{"content-type", "location", "retry-after", "www-authenticate"}, name) ||
		strings.Contains(name, "request-id") || strings.Contains(name, "ratelimit") || strings.Contains(name, "correlation")
}

// mostShown is how many bytes of a body people are shown.
const mostShown = 4 << 10

func printMessage(p *page, header http.Header, which func(string) bool, body string, size int64) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if which == nil || which(name) {
			p.put("    ", name+": "+strings.Join(header[name], ", "))
		}
	}
	if body == "" {
		return
	}
	shown := strings.ToValidUTF8(body[:min(len(body), mostShown)], "\uFFFD")
	p.blank()
	p.lines(plainText, "    ", strings.ReplaceAll(strings.TrimSpace(shown), "\n", "\n    "))
	if int64(len(shown)) < size {
		p.put("    ", fmt.Sprintf("[... %d bytes in all]", size))
	}
}

// printVerdict says what a delivery with this end would do.
func printVerdict(p *page, t service.TestWebhookAnswer) {
	v := t.Verdict
	if v.Cause == "" {
		p.putStyled(plainText, "", green, fmt.Sprintf("Delivered: %s answered %d.", t.Application, t.Sent[len(t.Sent)-1].Status))
		printMadeLink(p, t)
		return
	}
	p.putStyled(red, "Not delivered: ", plainText, v.Cause)
	if v.Sent {
		p.put("  ", "The application may have carried it out all the same: look there.")
	}
	if v.Next != "" {
		p.put("  next: ", v.Next)
	}
	p.put("", afterwards(t))
}

// afterwards says what would become of a delivery that failed.
func afterwards(t service.TestWebhookAnswer) string {
	v := t.Verdict
	const end = "which blocks whatever else waits for this object and application until somebody decides (on_error may say otherwise)"
	if !v.Retry {
		return "A delivery would not be tried again. It would be a dead letter, " + end + "."
	}
	wait := "after " + t.Retries.First + ", then after twice as long each time, at most " + t.Retries.Longest
	if v.Asked > 0 {
		wait = "after the " + v.Asked.String() + " that the application asks for, and then less and less often"
	}
	said := fmt.Sprintf(
		"A delivery would be tried again %s: %d times in all, unless retry of its step says otherwise. Then it would be a dead letter, %s.",
		wait, t.Retries.Attempts, end)
	if v.Outage {
		said += fmt.Sprintf(" After several such failures in a row nothing more would be sent to %s for a while.", t.Application)
	}
	return said
}

func printMadeLink(p *page, t service.TestWebhookAnswer) {
	switch {
	case t.LinkProblem != "":
		p.putStyled(red, "The link was not made: ", plainText, t.LinkProblem)
	case t.Link != nil && t.LinkIsNew:
		p.put("", fmt.Sprintf("The object is linked to %s in application %s%s now.", t.Link.Key, t.Application, ofKind(t.LinkKind)))
	case t.Link != nil:
		p.put("", fmt.Sprintf("The object was linked to %s before.", t.Link.Key))
	}
}
