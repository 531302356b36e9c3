package sim

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// Kind is a way in which the simulator misbehaves.
type Kind = simkit.Kind

// Fault is a misbehaviour of the next requests.
type Fault = simkit.Fault

// Request is one request as the simulator saw it. It holds no credentials.
type Request = simkit.Request

// The faults. Package simkit describes the common ones.
const (
	Latency     = simkit.Latency
	Reset       = simkit.Reset
	Truncate    = simkit.Truncate
	Lost        = simkit.Lost
	HTML        = simkit.HTML
	Blocked     = simkit.Blocked
	TooMany     = simkit.TooMany
	Status      = simkit.Status
	PageRepeats = simkit.PageRepeats
	Half        = simkit.Half
	DuplicateID = simkit.DuplicateID
	MissingID   = simkit.MissingID
	WrongTypes  = simkit.WrongTypes
	HugeNumbers = simkit.HugeNumbers
	BadText     = simkit.BadText

	DataEmpty Kind = "data_empty" // 200 with an empty list of people and of agents
)

// vendor is what faults must know about Infobip.
func vendor() simkit.Vendor {
	return simkit.Vendor{
		Refuse:    func(w http.ResponseWriter, status int) { refuse(w, status, "") },
		ListStart: `{"persons":[`,
		FirstPage: func(q url.Values) { q.Del("page") },
		Wrong:     map[string]any{"firstName": 17, "displayName": 17, "contactInformation": "none"},
		Huge:      map[string]any{"id": json.RawMessage("92233720368547758089")},
		Own:       []Kind{DataEmpty},
		Answer: func(w http.ResponseWriter, _ Fault) bool {
			writeJSON(w, http.StatusOK, map[string]any{"persons": []any{}, "agents": []any{}})
			return true
		},
	}
}

// AddFault sets a fault, in addition to those that are set.
func (s *Server) AddFault(f Fault) error { return s.kit.Faults.Add(f) }

// ClearFaults ends every fault.
func (s *Server) ClearFaults() { s.kit.Faults.Clear() }

// Faults returns the faults that are set, with the remaining Skip and Times.
func (s *Server) Faults() []Fault { return s.kit.Faults.List() }

// Requests returns the last requests, at most 1000, oldest first.
func (s *Server) Requests() []Request { return s.kit.Journal.Requests() }
