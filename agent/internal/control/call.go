package control

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// call is the name of a question with one answer. Both ends take its types
// from here.
type call[In, Out any] struct{ name string }

// serve registers the answer to the call in a Mux.
func (c call[In, Out]) serve(m *Mux, answer func(context.Context, service.Caller, In) (Out, error)) {
	Handle(m, c.name, answer)
}

// ask sends the call.
func (c call[In, Out]) ask(ctx context.Context, to Transport, in In) (out Out, err error) {
	err = to.Call(ctx, c.name, in, &out)
	return out, err
}

// list is the name of a question whose answer is a list of any length.
type list[In, Item any] struct{ name string }

// serve registers the answer to the call in a Mux.
func (l list[In, Item]) serve(m *Mux, answer func(context.Context, service.Caller, In) iter.Seq2[Item, error]) {
	HandleStream(m, l.name, func(ctx context.Context, caller service.Caller, in In, each func(any) error) error {
		for item, err := range answer(ctx, caller, in) {
			if err != nil {
				return err
			}
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// errEnough ends a list when the reader has stopped.
var errEnough = errors.New("nobody reads on")

// ask sends the call. An error comes last, without an item; if there is one,
// the items before it do not count.
func (l list[In, Item]) ask(ctx context.Context, to Transport, in In) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		err := to.Stream(ctx, l.name, in, func(raw json.RawMessage) error {
			var item Item
			if err := json.Unmarshal(raw, &item); err != nil {
				return err
			}
			if !yield(item, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			var none Item
			yield(none, err)
		}
	}
}
