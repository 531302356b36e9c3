package feed

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
)

// dc is a domain controller of which only the USN matters.
type dc struct {
	usn     atomic.Int64
	changed atomic.Int64 // the objects that the next read finds
	takes   time.Duration
	mode    mirror.Mode
	tells   bool // of changes
	notify  chan struct{}
	panics  bool

	mu       sync.Mutex
	fails    error // what every exchange answers
	unread   error // what every read answers
	lost     error // what the next look answers
	looks    int
	reads    []time.Time
	connects []time.Time
	open     int
	saw      chan time.Time // when a read that found something began
}

func (d *dc) connect(context.Context) (Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.connects = append(d.connects, time.Now())
	if d.fails != nil {
		return nil, d.fails
	}
	d.open++
	return d, nil
}

func (d *dc) Server() conn.Server { return conn.Server{URL: "ldaps://dc1.example.com"} }

func (d *dc) HighestUSN(context.Context) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looks++; d.panics {
		panic("a look")
	}
	if err := errors.Join(d.fails, d.lost); err != nil {
		d.lost = nil
		return 0, err
	}
	return d.usn.Load(), nil
}

func (d *dc) Sync(ctx context.Context) (mirror.Report, error) {
	began := time.Now()
	n := d.changed.Swap(0)
	d.mu.Lock()
	d.reads = append(d.reads, began)
	fails := errors.Join(d.fails, d.unread)
	d.mu.Unlock()
	sleep(ctx, d.takes)
	if n > 0 {
		select {
		case d.saw <- began:
		default:
		}
	}
	return mirror.Report{Mode: d.mode, Changed: int(n)}, fails
}

func (d *dc) Notify(ctx context.Context, changed func()) error {
	if !d.tells {
		return errors.ErrUnsupported
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.notify:
			changed()
		}
	}
}

func (d *dc) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	return nil
}

func (d *dc) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = err
}

func (d *dc) refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unread = err
}

// counts returns the exchanges and reads since the last call. A read is two
// exchanges: the USN and the changes.
func (d *dc) counts() (exchanges, reads, connects int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	exchanges, reads, connects = d.looks+2*len(d.reads), len(d.reads), len(d.connects)
	d.looks, d.reads, d.connects = 0, nil, nil
	return exchanges, reads, connects
}

var errElsewhere = errors.New("elsewhere")

type gauges struct {
	mu        sync.Mutex
	following bool
	caught    time.Time
}

func (g *gauges) Following(is bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.following = is
}

func (g *gauges) Caught(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.caught = at
}

func (g *gauges) isFollowing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.following
}

// running is a feed that follows a dc in a bubble.
type running struct {
	*Feed
	*gauges
	wanted atomic.Bool
	log    *bytes.Buffer
}

// in runs a feed in a bubble in which test is the rest of the world.
func in(t *testing.T, d *dc, test func(t *testing.T, r *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d.notify, d.saw = make(chan struct{}, 1), make(chan time.Time, 1)
		r := &running{gauges: &gauges{}, log: &bytes.Buffer{}}
		r.wanted.Store(true)
		r.Feed = New(Settings{
			Wanted: r.wanted.Load, Connect: d.connect, Elsewhere: errElsewhere, Observer: r.gauges,
			Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		synctest.Wait()
		test(t, r)
		cancel()
		<-ended
		if d.open != 0 {
			t.Errorf("%d connections are left open", d.open)
		}
		if r.isFollowing() {
			t.Error("a feed that has ended follows")
		}
	})
}

func TestAnIdleDirectoryIsHardlyAsked(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(10 * time.Minute)
		exchanges, reads, connects := d.counts()
		if perSecond := exchanges / 600; perSecond < 5 || perSecond >= 20 {
			t.Errorf("%d exchanges a second", perSecond)
		}
		if reads < 10 || reads > 11 || connects != 1 {
			t.Errorf("%d reads, %d connections in ten minutes", reads, connects)
		}
		if !r.isFollowing() || time.Since(r.caught) > time.Second {
			t.Errorf("following: %v, caught %s", r.isFollowing(), r.caught)
		}
	})
}

// Logons and the like move the USN of a busy directory all the time.
func TestABusyDirectoryWithNothingToReportIsHardlyAsked(t *testing.T) {
	d := &dc{tells: true}
	in(t, d, func(t *testing.T, _ *running) {
		for range 60_000 {
			time.Sleep(time.Millisecond)
			d.usn.Add(1)
			select {
			case d.notify <- struct{}{}:
			default:
			}
		}
		if exchanges, _, _ := d.counts(); exchanges >= 20*60 {
			t.Errorf("%d exchanges in a minute", exchanges)
		}
	})
}

// Whatever else goes on, a change is read within 0.2 s, and while there is much, the
// directory is read at most ten times a second.
func TestAChangeIsReadSoon(t *testing.T) {
	for name, c := range map[string]struct {
		every, others time.Duration // between two changes, and between changes that the feed does not find
		notified      bool
		most          time.Duration
	}{
		"alone":              {777 * time.Millisecond, 0, false, 200 * time.Millisecond},
		"alone, told":        {777 * time.Millisecond, 0, true, 20 * time.Millisecond},
		"among logons":       {777 * time.Millisecond, 3 * time.Millisecond, false, 200 * time.Millisecond},
		"among logons, told": {777 * time.Millisecond, 3 * time.Millisecond, true, 200 * time.Millisecond},
		"one of many":        {3 * time.Millisecond, 0, false, 100 * time.Millisecond},
		"one of many, told":  {3 * time.Millisecond, 0, true, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dc{tells: c.notified}
			in(t, d, func(t *testing.T, _ *running) {
				time.Sleep(time.Second)
				d.counts()
				if c.others > 0 {
					go func() {
						for range 100_000 / (c.others / time.Millisecond) {
							time.Sleep(c.others)
							d.usn.Add(1)
						}
					}()
				}
				var oldest time.Time
				var worst time.Duration
				seen := 0
				for i := range 1000 {
					time.Sleep(c.every + time.Duration(i)*time.Microsecond)
					select {
					case began := <-d.saw:
						seen++
						worst = max(worst, began.Sub(oldest))
						oldest = time.Time{}
					default:
					}
					if oldest.IsZero() {
						oldest = time.Now()
					}
					d.changed.Add(1)
					d.usn.Add(1)
					if c.notified {
						select {
						case d.notify <- struct{}{}:
						default:
						}
					}
				}
				if seen < 20 || worst > c.most {
					t.Errorf("%d times a change was read, after up to %s, want at most %s", seen, worst, c.most)
				}
				_, reads, _ := d.counts()
				if took := 1000*c.every + 500*time.Millisecond; time.Duration(reads) > took/(95*time.Millisecond)+1 {
					t.Errorf("%d reads in %s", reads, took)
				}
				time.Sleep(2 * time.Minute) // until the others have ended
			})
		})
	}
}

// A domain controller that is slow is asked less, so that at least half of the time
// is left to it.
func TestASlowDirectoryIsLeftTime(t *testing.T) {
	d := &dc{takes: 2 * time.Second}
	in(t, d, func(t *testing.T, _ *running) {
		for range 1000 {
			time.Sleep(100 * time.Millisecond)
			d.usn.Add(1)
			d.changed.Add(1)
		}
		if _, reads, _ := d.counts(); reads < 20 || reads > 26 {
			t.Errorf("%d reads of 2 s in 100 s", reads)
		}
	})
}

func TestWhereDirSyncIsRefusedReadsAreRare(t *testing.T) {
	d := &dc{takes: 2 * time.Second, mode: mirror.ModePaged}
	in(t, d, func(t *testing.T, _ *running) {
		for range 6000 {
			time.Sleep(100 * time.Millisecond)
			d.usn.Add(1)
		}
		if _, reads, _ := d.counts(); reads < 9 || reads > 11 {
			t.Errorf("%d reads of everything in ten minutes", reads)
		}
	})
}

// An outage is one line in the log, and its end another; meanwhile nobody is asked
// all the time.
func TestAnOutage(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		for range 3 {
			time.Sleep(time.Minute)
			r.log.Reset()
			d.counts()
			d.fail(conn.NoAnswer("search", "ldaps://dc1.example.com", "", errors.New("connection reset"), false))
			time.Sleep(time.Hour)
			if _, _, connects := d.counts(); connects < 100 || connects > 260 {
				t.Errorf("%d attempts in an hour", connects)
			}
			if r.isFollowing() {
				t.Error("it follows a directory that is away")
			}
			d.usn.Add(1)
			d.fail(nil)
			time.Sleep(time.Minute)
			if _, reads, _ := d.counts(); reads == 0 || !r.isFollowing() {
				t.Errorf("not recovered: %d reads", reads)
			}
			lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "connection reset") || !strings.Contains(lines[1], "at once again") {
				t.Errorf("log:\n%s", r.log)
			}
		}
	})
}

// A connection that breaks while another domain controller is there is no outage.
func TestTheNextDomainControllerIsTriedAtOnce(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(time.Minute)
		d.counts()
		d.mu.Lock()
		d.lost = conn.NoAnswer("search", "ldaps://dc1.example.com", "", errors.New("connection reset"), false)
		d.mu.Unlock()
		time.Sleep(700 * time.Millisecond)
		if _, reads, connects := d.counts(); reads != 1 || connects != 1 {
			t.Errorf("%d reads, %d attempts", reads, connects)
		}
		if r.log.Len() > 0 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestARefusedPasswordIsNotTriedUntilTheAccountIsLocked(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(time.Minute)
		d.counts()
		d.fail(conn.Answer("bind", "ldaps://dc1.example.com", "", 49, "data 52e"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if strings.Count(r.log.String(), "data 52e") != 1 { // the next attempt is half an hour away
			t.Errorf("log after the first attempt:\n%s", r.log)
		}
		time.Sleep(3 * time.Hour)
		if _, _, connects := d.counts(); connects > 6 {
			t.Errorf("%d attempts in three hours", connects)
		}
		d.fail(nil)
		r.Reached() // a run has reached the directory
		time.Sleep(time.Second)
		if !r.isFollowing() {
			t.Error("it waits on although a run has reached the directory")
		}
	})
}

func TestItGoesWhereTheMirrorIsFrom(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(time.Minute)
		d.counts()
		d.usn.Add(1)
		d.refuse(errElsewhere)
		time.Sleep(250 * time.Millisecond)
		d.refuse(nil)
		time.Sleep(time.Second)
		if _, _, connects := d.counts(); connects < 1 || connects > 3 || !r.isFollowing() || r.log.Len() > 0 {
			t.Errorf("%d connections, following: %v, log:\n%s", connects, r.isFollowing(), r.log)
		}
		d.usn.Add(1)
		d.refuse(errElsewhere) // each time anew: that is not done all the time
		time.Sleep(10 * time.Minute)
		if _, reads, _ := d.counts(); reads > 45 {
			t.Errorf("%d reads", reads)
		}
	})
}

func TestNothingIsAskedWhileNobodyWantsEvents(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(time.Minute)
		r.wanted.Store(false)
		time.Sleep(time.Second)
		d.counts()
		time.Sleep(5 * time.Hour)
		if exchanges, _, connects := d.counts(); exchanges != 0 || connects != 0 || d.open != 0 || r.isFollowing() {
			t.Errorf("%d exchanges, %d connects, %d open", exchanges, connects, d.open)
		}
		r.wanted.Store(true)
		r.Wake()
		time.Sleep(time.Second)
		if _, reads, _ := d.counts(); reads != 1 || !r.isFollowing() {
			t.Errorf("%d reads after it was wanted again", reads)
		}
	})
}

func TestAPanicIsAnOutage(t *testing.T) {
	d := &dc{}
	in(t, d, func(t *testing.T, r *running) {
		time.Sleep(time.Second)
		d.mu.Lock()
		d.panics = true
		d.mu.Unlock()
		time.Sleep(10 * time.Second)
		d.mu.Lock()
		d.panics = false
		d.mu.Unlock()
		time.Sleep(time.Minute)
		if !r.isFollowing() {
			t.Error("it did not go on")
		}
	})
}

// A read that fails after a long time is not repeated all the time.
func TestAReadThatFailsIsRareWhenItIsLong(t *testing.T) {
	d := &dc{takes: 30 * time.Second, unread: &mirror.ShrinkError{Had: 1000, Got: 1}}
	in(t, d, func(t *testing.T, _ *running) {
		time.Sleep(10 * time.Hour)
		if _, reads, _ := d.counts(); reads < 60 || reads > 240 {
			t.Errorf("%d reads of half a minute in ten hours", reads)
		}
	})
}
