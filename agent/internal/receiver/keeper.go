package receiver

import (
	"context"
	"log/slog"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// keeper stores what arrives at the same time in one transaction: a thousand
// deliveries at once would otherwise wait for a thousand flushes of the disk.
type keeper struct {
	store  Store
	bounds store.ReceiptBounds
	log    *slog.Logger
	queue  chan *waiting
}

// waiting is a delivery that somebody waits for.
type waiting struct {
	ctx     context.Context //nolint:containedctx // of the request: nobody stores what nobody waits for any more
	receipt store.NewReceipt
	kept    store.Kept
	err     error
	done    chan struct{} // closed once it is stored, or cannot be
	release func()        // gives back the memory of the body
}

const (
	mostWaiting = 2048
	mostAtOnce  = 256
)

func newKeeper(s Store, bounds store.ReceiptBounds, log *slog.Logger) *keeper {
	return &keeper{store: s, bounds: bounds, log: log, queue: make(chan *waiting, mostWaiting)}
}

// keep stores a receipt and returns what became of it. It returns the error of ctx
// when that ends first; the receipt may be stored nevertheless.
func (k *keeper) keep(ctx context.Context, r store.NewReceipt, release func()) (store.Kept, error) {
	w := &waiting{ctx: ctx, receipt: r, done: make(chan struct{}), release: sync.OnceFunc(release)}
	select {
	case k.queue <- w:
	case <-ctx.Done():
		w.release()
		return 0, ctx.Err()
	}
	select {
	case <-w.done:
		return w.kept, w.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run stores until ctx ends.
func (k *keeper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-k.queue:
			k.storeAll(ctx, k.batch(first))
		}
	}
}

// batch takes what waits together with the first.
func (k *keeper) batch(first *waiting) []*waiting {
	list := []*waiting{first}
	for len(list) < mostAtOnce {
		select {
		case next := <-k.queue:
			list = append(list, next)
		default:
			return list
		}
	}
	return list
}

func (k *keeper) storeAll(ctx context.Context, list []*waiting) {
	var still []*waiting
	var receipts []store.NewReceipt
	for _, w := range list {
		if w.ctx.Err() != nil { // answered already
			w.end(0, w.ctx.Err())
			continue
		}
		still, receipts = append(still, w), append(receipts, w.receipt)
	}
	if len(still) == 0 {
		return
	}
	var kept []store.Kept
	err := rescue.Do(k.log, func() (err error) {
		kept, err = k.store.KeepReceipts(ctx, k.bounds, receipts)
		return err
	})
	for i, w := range still {
		if err != nil {
			w.end(0, err)
			continue
		}
		w.end(kept[i], nil)
	}
}

func (w *waiting) end(kept store.Kept, err error) {
	w.kept, w.err = kept, err
	w.release()
	close(w.done)
}

// memory is what bodies may take, all together and those of one application: whoever
// sends bodies with a wrong signature to one takes nothing from the others.
type memory struct {
	mu    sync.Mutex
	left  int64
	share int64            // of one application
	taken map[string]int64 // by application
}

// newMemory returns memory in which a body has room in any case.
func newMemory(l limits, maxBody int64) memory {
	return memory{left: max(l.memory, maxBody), share: max(l.share, maxBody), taken: map[string]int64{}}
}

// take reserves bytes for an application, and returns what gives them back; false
// when there is not enough.
func (m *memory) take(application string, bytes int64) (release func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if bytes > m.left || bytes > m.share-m.taken[application] {
		return nil, false
	}
	m.left -= bytes
	m.taken[application] += bytes
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.left += bytes
		if m.taken[application] -= bytes; m.taken[application] == 0 {
			delete(m.taken, application)
		}
	}, true
}
