package simkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ErrNotFound makes the control API answer 404.
var ErrNotFound = errors.New("not found")

// IsControl reports whether a request is for the simulator's own paths below
// /_sim/. They need no credentials, so listen on a loopback address only.
func IsControl(r *http.Request) bool {
	return r.URL.Path == "/_sim" || strings.HasPrefix(r.URL.Path, "/_sim/")
}

// ControlHelp describes the paths that Control adds to a mux.
const ControlHelp = `  GET    /_sim/requests                 the last 1000 requests
  POST   /_sim/faults                   {"kind":"lost","route":"users","times":1}
  GET    /_sim/faults                   DELETE clears them
  GET    /_sim/readings                 answers to open questions; PATCH {"name":"value"} changes some
`

// Control returns a new mux with the common part of the control API: help, the
// journal, faults and readings. The simulator adds its own paths below /_sim/.
func (k *Kit) Control(help string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, help)
	})
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, k.Journal.Requests())
	})
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, k.Faults.List())
	})
	mux.HandleFunc("POST /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if ControlBody(w, r, &f) {
			ControlDone(w, k.Faults.Add(f))
		}
	})
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		k.Faults.Clear()
		ControlDone(w, nil)
	})
	mux.HandleFunc("GET /_sim/readings", k.readings)
	mux.HandleFunc("PATCH /_sim/readings", k.setReadings)
	return mux
}

func (k *Kit) readings(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Reading
		Value string `json:"value"`
	}
	list := []entry{}
	for _, r := range k.Readings.known {
		list = append(list, entry{r, k.Readings.Get(r.Name)})
	}
	WriteJSON(w, http.StatusOK, list)
}

func (k *Kit) setReadings(w http.ResponseWriter, r *http.Request) {
	var chosen map[string]string
	if !ControlBody(w, r, &chosen) {
		return
	}
	for name, value := range chosen {
		if err := k.Readings.Check(name, value); err != nil {
			ControlDone(w, err)
			return
		}
	}
	for name, value := range chosen {
		_ = k.Readings.Set(name, value) // checked above
	}
	ControlDone(w, nil)
}

// ControlDone answers 204, or the error.
func ControlDone(w http.ResponseWriter, err error) {
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, ErrNotFound) {
			status = http.StatusNotFound
		}
		WriteJSON(w, status, map[string]string{"error": err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// ControlBody decodes the body into v and refuses unknown members. When it
// returns false, it has answered the request.
func ControlBody(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		ControlDone(w, fmt.Errorf("read body: %w", err))
		return false
	}
	return true
}

// ControlRecord answers with the result of do for the id in the path.
func ControlRecord[T any](do func(id int64) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			ControlDone(w, fmt.Errorf("read id: %w", err))
			return
		}
		v, err := do(id)
		if err != nil {
			ControlDone(w, err)
			return
		}
		WriteJSON(w, http.StatusOK, v)
	}
}
