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

// The faults. Those of the last group are the vendor's own.
const (
	Latency  = simkit.Latency
	Reset    = simkit.Reset
	Truncate = simkit.Truncate
	Lost     = simkit.Lost

	HTML    = simkit.HTML
	Blocked = simkit.Blocked
	TooMany = simkit.TooMany
	Status  = simkit.Status

	PageRepeats = simkit.PageRepeats
	Half        = simkit.Half
	DuplicateID = simkit.DuplicateID
	MissingID   = simkit.MissingID
	WrongTypes  = simkit.WrongTypes
	HugeNumbers = simkit.HugeNumbers
	BadText     = simkit.BadText

	Unsuccess Kind = "unsuccess"  // 200 with success:false and Text as the error
	DataNull  Kind = "data_null"  // 200 with data:null
	DataEmpty Kind = "data_empty" // 200 with data:[]
	Forbidden Kind = "forbidden"  // 403 in the vendor's envelope
)

func faultsOfTheVendor() simkit.Vendor {
	return simkit.Vendor{
		Refuse: func(w http.ResponseWriter, status int) {
			if status == http.StatusTooManyRequests {
				overLimit().write(w)
				return
			}
			problem{status: status, text: http.StatusText(status)}.write(w)
		},
		RateHeader: func(w http.ResponseWriter) { rateHeaders(w, plans["lite"].apiBurst, 0, simkit.Seconds(burstWindow)) },
		BlockPage:  blockedPage,
		ListStart:  `{"success":true,"data":[`,
		FirstPage: func(q url.Values) {
			q.Del("start")
			q.Del("cursor")
		},
		Wrong: map[string]any{"name": 17, "email": map[string]any{"value": "x"}, "active_flag": "yes"},
		Huge:  map[string]any{"id": json.RawMessage("92233720368547758089"), "role_id": json.RawMessage("1e309")},
		Own:   []Kind{Unsuccess, DataNull, DataEmpty, Forbidden},
		Answer: func(w http.ResponseWriter, f Fault) bool {
			type envelope struct {
				Success bool   `json:"success"`
				Error   string `json:"error,omitempty"`
				Data    any    `json:"data"`
			}
			switch f.Kind {
			case Forbidden:
				forbidden(w)
			case Unsuccess:
				simkit.WriteJSON(w, http.StatusOK, envelope{Error: f.Text})
			case DataNull:
				simkit.WriteJSON(w, http.StatusOK, envelope{Success: true})
			case DataEmpty:
				simkit.WriteJSON(w, http.StatusOK, envelope{Success: true, Data: []User{}})
			}
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
