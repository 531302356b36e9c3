package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/rollcall-agent/rollcall/host/rescue"
)

type streamer func(ctx context.Context, who Caller, in []byte, each func(any) error) error

// HandleStream registers a call whose answer is a list of any length: serve
// hands its items to each, one by one, and ends with the first error of each.
func HandleStream[In any](m *Mux, name string, serve func(ctx context.Context, who Caller, in In, each func(any) error) error) {
	m.streams[name] = func(ctx context.Context, who Caller, body []byte, each func(any) error) error {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return Usage(fmt.Errorf("decode request of %s: %w", name, err))
		}
		return rescue.Do(m.log, func() error { return serve(ctx, who, in, each) }, "call", name, "by", who)
	}
}

// part is one line of a streamed answer. The last one says Done or Error: an
// answer without either was cut off.
type part struct {
	Item  json.RawMessage `json:"item,omitempty"`
	Done  bool            `json:"done,omitempty"`
	Error *Error          `json:"error,omitempty"`
}

func (s streamer) serve(w http.ResponseWriter, r *http.Request, who Caller, body []byte) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	last := part{Done: true}
	err := s(r.Context(), who, body, func(item any) error {
		raw, err := json.Marshal(item)
		if err != nil {
			return err
		}
		return enc.Encode(part{Item: raw})
	})
	if err != nil {
		last = part{Error: asError(err)}
	}
	_ = enc.Encode(last) // who asked may be gone
	_ = out.Flush()
}

// Stream implements Client.
func (l *Local) Stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request of %s: %w", name, err)
	}
	s, ok := l.Mux.streams[name]
	if !ok {
		return asError(unknown(name))
	}
	var own error // of each
	err = s(ctx, l.Who, body, func(item any) error {
		raw, err := json.Marshal(item)
		if err != nil {
			return err
		}
		own = each(raw)
		return own
	})
	switch {
	case own != nil:
		return own
	case err != nil:
		return asError(err)
	}
	return nil
}

// Stream implements Client.
func (r *Remote) Stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	resp, err := r.post(ctx, name, in)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	dec := json.NewDecoder(bufio.NewReaderSize(resp.Body, 64<<10))
	for {
		var p part
		err := dec.Decode(&p)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the answer of %s was cut off, the agent ended: %w", name, err)
		case err != nil:
			return fmt.Errorf("read the answer of %s: %w", name, err)
		case p.Error != nil:
			return p.Error
		case p.Done:
			return nil
		}
		if err := each(p.Item); err != nil {
			return err
		}
	}
}
