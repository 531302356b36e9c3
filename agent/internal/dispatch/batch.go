package dispatch

import (
	"context"
)

// mostWritten is how many rows one transaction writes at most.
const mostWritten = 256

// batcher writes what several goroutines have in one transaction, as the disk takes
// as long for one as for many. When a transaction fails, each of its items is tried
// alone, so that one that is refused fails no other.
type batcher[T, R any] struct {
	write func(context.Context, []T) ([]R, error)
	in    chan *item[T, R]
}

type item[T, R any] struct {
	value  T
	result R
	err    error
	done   chan struct{}
}

func newBatcher[T, R any](write func(context.Context, []T) ([]R, error)) *batcher[T, R] {
	return &batcher[T, R]{write: write, in: make(chan *item[T, R], mostWritten)}
}

// do returns when the value is written.
func (b *batcher[T, R]) do(value T) (R, error) {
	i := &item[T, R]{value: value, done: make(chan struct{})}
	b.in <- i
	<-i.done
	return i.result, i.err
}

// run writes until ctx ends. No do may be called, or be waiting, then.
func (b *batcher[T, R]) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-b.in:
			b.commit(ctx, b.more([]*item[T, R]{first}))
		}
	}
}

// more adds what else waits.
func (b *batcher[T, R]) more(list []*item[T, R]) []*item[T, R] {
	for len(list) < mostWritten {
		select {
		case next := <-b.in:
			list = append(list, next)
		default:
			return list
		}
	}
	return list
}

func (b *batcher[T, R]) commit(ctx context.Context, list []*item[T, R]) {
	values := make([]T, len(list))
	for i, each := range list {
		values[i] = each.value
	}
	results, err := b.write(ctx, values)
	for i, each := range list {
		switch {
		case err == nil:
			each.result = results[i]
		case len(list) == 1:
			each.err = err
		default:
			b.commit(ctx, []*item[T, R]{each})
			continue
		}
		close(each.done)
	}
}
