// Package simkit is the common part of the simulators of vendors' APIs: a
// journal of requests, faults on demand, rate limits with an injected clock,
// strict reading of JSON bodies, people generated from a seed, switchable
// answers to questions that documentation leaves open, and a command that
// serves all that on a loopback address. It knows no vendor and has no routes.
// It is for tests and demos only: nothing that runs in production imports it.
//
// A simulator is built like this:
//
//   - Its Server holds a Kit, made with the vendor's error envelope, and is an
//     http.Handler: requests below /_sim/ go to a ServeMux on which
//     Kit.Control has put the common part, all others to Kit.Serve.
//   - A table of routes says for each operation what it costs, which right it
//     needs, and which Schema its body has.
//   - Records that anybody can compute from a number live in a Store: only
//     changed ones take memory. Names makes them.
//   - Window and Budget count; the simulator decides what is counted together
//     and how a refusal looks.
//   - Readings lists each question that the documentation leaves open. A
//     client's tests run once for each value of each of them.
//   - Its command parses flags and calls Run.
package simkit

import (
	"log/slog"
	"net/http"
)

// Kit is the part of a simulator that handles every request.
type Kit struct {
	Journal  Journal
	Faults   *Faults
	Readings *Readings
	log      *slog.Logger
}

// New returns a Kit. known lists the questions that the documentation leaves
// open, chosen the answers that differ from the defaults. log gets one line a
// request at level debug; nil is none.
func New(v Vendor, known []Reading, chosen map[string]string, log *slog.Logger) (*Kit, error) {
	readings, err := NewReadings(known, chosen)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Kit{Faults: NewFaults(v), Readings: readings, log: log}, nil
}

// Serve records the request, applies the faults of its route, and calls serve
// unless a fault has answered. auth names the kind of credential.
func (k *Kit) Serve(w http.ResponseWriter, r *http.Request, route, auth string, serve func(*Response, *http.Request, Active)) {
	out := &Response{ResponseWriter: w}
	entry := k.Journal.add(r, auth)
	defer func() {
		k.Journal.answered(entry, out.Status)
		k.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", out.Status, "bytes", out.Bytes)
	}()
	active := k.Faults.take(r.Method, route)
	if !k.Faults.before(active, out, r) {
		return
	}
	serve(out, r, active)
	out.finish()
}
