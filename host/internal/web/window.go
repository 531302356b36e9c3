package web

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// rateWindow admits a limited number of requests in any span of time.
type rateWindow struct {
	requests int // 0: no limit
	per      time.Duration
	sent     []time.Time // the requests within the span, oldest first
}

// free returns when one more request may go.
func (w *rateWindow) free(now time.Time) time.Time {
	if w.requests == 0 {
		w.sent = nil
		return now
	}
	old := 0
	for old < len(w.sent) && !w.sent[old].Add(w.per).After(now) {
		old++
	}
	w.sent = w.sent[old:]
	if full := len(w.sent) - w.requests; full >= 0 {
		return w.sent[full].Add(w.per)
	}
	return now
}

// turnOf estimates when a request may go that has so many ahead of it.
func (w *rateWindow) turnOf(ahead int, now time.Time) time.Time {
	n := w.requests
	if n == 0 {
		return now
	}
	at := now
	if i := len(w.sent) - n + ahead%n; i >= 0 && i < len(w.sent) {
		at = w.sent[i].Add(w.per)
	}
	return at.Add(time.Duration(ahead/n) * w.per)
}

func (w *rateWindow) add(at time.Time) { w.sent = append(w.sent, at) }

// giveBack frees the place of a request that was not sent.
func (w *rateWindow) giveBack(at time.Time) {
	if i := slices.Index(w.sent, at); i >= 0 {
		w.sent = slices.Delete(w.sent, i, i+1)
	}
}

// narrow is the window of one rate for single operations.
type narrow struct {
	rateWindow
	rate abi.Rate
	turn int // the class served first when both want this window
}

// rates returns the windows for a manifest's rates. Requests sent before count.
func rates(list []abi.Rate, before []*narrow) ([]*narrow, error) {
	windows := make([]*narrow, 0, len(list))
	for _, r := range list {
		requests, per, err := abi.ParseRateLimit(r.Limit)
		if err != nil {
			return nil, err
		}
		n := &narrow{rateWindow: rateWindow{requests: requests, per: per}, rate: r}
		for _, b := range before {
			if b.rate == r {
				n = b
				break
			}
			if b.rate.Method == r.Method && b.rate.Path == r.Path {
				n.sent = slices.Clone(b.sent)
			}
		}
		if !slices.Contains(windows, n) {
			windows = append(windows, n)
		}
	}
	return windows, nil
}

// windowsOf returns the windows in which a request needs room.
func (l *Limiter) windowsOf(t Turn) []*narrow {
	var windows []*narrow
	for _, n := range l.narrow {
		if n.concerns(t) {
			windows = append(windows, n)
		}
	}
	return windows
}

func (n *narrow) concerns(t Turn) bool {
	return (n.rate.Method == "" || strings.EqualFold(n.rate.Method, t.Method)) && t.Path != "" && abi.MatchPath(n.rate.Path, t.Path)
}
