package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// part is one line of an answer. The last one has Done or Error set; an answer
// without either was cut off.
type part struct {
	Item     json.RawMessage `json:"item,omitempty"`
	Progress *progress.Step  `json:"progress,omitempty"`
	Done     bool            `json:"done,omitempty"`
	Error    *Error          `json:"error,omitempty"`
}

// answer writes parts.
type answer struct {
	mu   sync.Mutex
	out  *bufio.Writer
	enc  *json.Encoder
	http *http.ResponseController
	step chan progress.Step // the latest step not written yet
}

// answerCall writes what serve returns. The beginning is sent at once, to show
// that the call was accepted.
func answerCall(ctx context.Context, w http.ResponseWriter, serve func(context.Context, func(any) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	a := &answer{out: bufio.NewWriterSize(w, 64<<10), http: http.NewResponseController(w), step: make(chan progress.Step, 1)}
	a.enc = json.NewEncoder(a.out)
	a.enc.SetEscapeHTML(false)
	_ = a.http.Flush()

	ended, steps := make(chan struct{}), sync.WaitGroup{}
	steps.Go(func() { a.follow(ended) })
	err := serve(progress.With(ctx, a.tell), a.item)
	close(ended)
	steps.Wait()

	last := part{Done: true}
	if err != nil {
		last = part{Error: asError(err)}
	}
	_ = a.enc.Encode(last) // the command that asked may be gone
	_ = a.out.Flush()
}

func (a *answer) item(item any) error {
	raw, err := json.Marshal(item)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.enc.Encode(part{Item: raw})
}

// tell stores the latest step. The work never waits for a command that does
// not read, for example because a person has suspended it.
func (a *answer) tell(s progress.Step) {
	for {
		select {
		case a.step <- s:
			return
		default:
		}
		select {
		case <-a.step:
		default:
		}
	}
}

// follow writes steps until the answer ends.
func (a *answer) follow(ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case s := <-a.step:
			a.mu.Lock()
			_ = a.enc.Encode(part{Progress: &s})
			_ = a.out.Flush()
			_ = a.http.Flush()
			a.mu.Unlock()
		}
	}
}

// readAnswer reads the parts of an answer.
func readAnswer(ctx context.Context, name string, from io.Reader, each func(json.RawMessage) error) error {
	dec := json.NewDecoder(bufio.NewReaderSize(from, 64<<10))
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
		case p.Progress != nil:
			progress.Tell(ctx, *p.Progress)
			continue
		}
		if err := each(p.Item); err != nil {
			return err
		}
	}
}
