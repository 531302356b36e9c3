package store

import (
	"context"
	"fmt"
	"strings"
)

// ahead is what one statement of readAhead reads. The number is always the same, so
// that there is one statement for all of them.
const ahead = 32

var manyIDs = `id IN (?` + strings.Repeat(`, ?`, ahead-1) + `)`

// readAhead reads rows by their ids, many with one statement. What is missing is no
// error: whoever needs the row says so.
func readAhead[T any](ctx context.Context, b *batch, selected string, ids []int64, scan func(scanner) (T, error), id func(T) int64,
) (map[int64]T, error) {
	found := make(map[int64]T, len(ids))
	for len(ids) > 1 { // one alone is read when it is needed
		n := min(ahead, len(ids))
		args := make([]any, ahead)
		for i := range args {
			args[i] = ids[min(i, n-1)]
		}
		ids = ids[n:]
		rows, err := b.query(ctx, selected+manyIDs, args...)
		if err != nil {
			return nil, err
		}
		list, err := collect(rows, scan)
		if err != nil {
			return nil, err
		}
		for _, row := range list {
			found[id(row)] = row
		}
	}
	return found, nil
}

// expect reads the deliveries and instances that a transaction will change. Each is
// used once, as it is another after its change.
func (b *batch) expect(ctx context.Context, deliveries, instances []int64) (err error) {
	b.deliveries, err = readAhead(ctx, b, selectDeliveryBriefs, deliveries, scanDeliveryBrief, func(d deliveryBrief) int64 { return d.id })
	if err == nil {
		b.instances, err = readAhead(ctx, b, selectBriefs, instances, scanBrief, func(i brief) int64 { return i.id })
	}
	if err != nil {
		return fmt.Errorf("read what is to be changed: %w", err)
	}
	return nil
}

// once returns a row that was read ahead.
func once[T any](rows map[int64]T, id int64) (row T, found bool) {
	if row, found = rows[id]; found {
		delete(rows, id)
	}
	return row, found
}
