package abi1

import (
	"context"
	"fmt"
	"io"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// pointer parses a JSON pointer from the guest.
func pointer(text []byte) (jsonstream.Pointer, error) {
	if len(text) > abi.MaxPointerSize {
		return nil, fmt.Errorf("a JSON pointer of %d bytes, more than %d", len(text), abi.MaxPointerSize)
	}
	return jsonstream.ParsePointer(string(text))
}

// reader returns a reader of a body that stops when ctx ends. A body in memory
// needs no such check, because reading it is quick.
func (r *response) reader(ctx context.Context) io.Reader {
	if r.Body.Size() <= body.InMemory {
		return r.Body.Reader()
	}
	return io.NewSectionReader(within{ctx, r.Body}, 0, r.Body.Size())
}

func (r *response) readerAt(ctx context.Context) io.ReaderAt {
	if r.Body.Size() <= body.InMemory {
		return r.Body
	}
	return within{ctx, r.Body}
}

// within reads only as long as its context lasts, because a walk through a
// spooled body takes seconds.
type within struct {
	ctx  context.Context //nolint:containedctx // io.ReaderAt takes none
	from io.ReaderAt
}

func (w within) ReadAt(p []byte, offset int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.from.ReadAt(p, offset)
}
