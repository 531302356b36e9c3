// Package tryout keeps what one trial call of an endpoint delivered, and counts
// what the records hold. A trial shows what a connection delivers before any
// mapping exists, and a saved answer lets a mapping be developed without asking
// the vendor again:
//
//	saved, err := tryout.Open(path)
//	defer saved.Close()
//	end, err := saved.Each(func(r ident.Record) error { ... })
//
// It makes no call and knows no configuration: package runtime makes the call. A
// saved answer holds people's data, and no credentials.
package tryout

import "time"

// format is the number of the file's form. It changes when an older rollcall
// could not read the file any more.
const format = 1

// Header says what was called. It begins a saved answer.
type Header struct {
	Application string    `json:"application"`
	Connector   string    `json:"connector"`
	Endpoint    string    `json:"endpoint"`
	Kind        string    `json:"kind"`               // of the records
	Audience    string    `json:"audience,omitempty"` // what the records stand for; "": not stated
	Key         string    `json:"key"`                // JSON pointer to the primary key within a record
	Mode        string    `json:"mode"`
	Time        time.Time `json:"time"` // of the call
}

// Request is one request as it was sent, without secrets.
type Request struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Body    string `json:"body,omitempty"`   // its beginning
	Status  int    `json:"status,omitempty"` // 0: there is no answer
	Bytes   int64  `json:"bytes"`            // of the answer
	Took    int64  `json:"took_ms"`
	Problem string `json:"problem,omitempty"` // why there is no answer
}

// MaxRequests is how many requests an End lists. The others are only counted.
const MaxRequests = 20

// End says how a call ended. It ends a saved answer.
type End struct {
	Requests []Request `json:"requests"` // the first ones
	Sent     int       `json:"sent"`     // how many there were
	Pages    int       `json:"pages"`    // answers with records
	Records  int64     `json:"records"`
	Took     int64     `json:"took_ms"`
	// Complete says that everything came. Without it the call ended at the
	// wanted number of pages, or failed because of Problem.
	Complete bool   `json:"complete"`
	Problem  string `json:"problem,omitempty"`
}

// Add notes a request.
func (e *End) Add(r Request) {
	if e.Sent++; len(e.Requests) < MaxRequests {
		e.Requests = append(e.Requests, r)
	}
}
