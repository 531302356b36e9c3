package feed

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
)

// rhythm says how often a feed asks a domain controller. docs/operate.md tells the
// numbers.
type rhythm struct {
	look  time.Duration // between two looks at the USN
	early time.Duration // the same, after a notification
	busy  time.Duration // between two reads of changes, after one that found some
	quiet time.Duration // after one that found none: others than ours move the USN
	again time.Duration // a read although nothing has moved, for what is due by time
	whole time.Duration // between two reads of everything, where DirSync is refused
	slow  time.Duration // a read that takes longer is followed by a pause of the same length
}

// usual is the rhythm of the agent. With it a change waits 0.2 s at most before it is
// read. With nothing to report, 16 exchanges a second are made at most: ten looks
// while the USN stands still, and five looks with a read, which is two exchanges,
// while others move it.
func usual() rhythm {
	return rhythm{
		look: 100 * time.Millisecond, early: 20 * time.Millisecond, busy: 100 * time.Millisecond, quiet: 200 * time.Millisecond,
		again: time.Minute, whole: time.Minute, slow: time.Second,
	}
}

// pace decides when to look and when to read. It does no I/O.
type pace struct {
	looked time.Time // when the last look began
	began  time.Time // when the last read began; zero: there was none
	took   time.Duration
	usn    int64 // before the last read
	found  bool  // the last read found something
	whole  bool  // each read is of everything
}

// synced notes a read.
func (p *pace) synced(began time.Time, took time.Duration, usn int64, report mirror.Report) {
	p.began, p.took, p.usn = began, took, usn
	p.found = report.Changed+report.Removed > 0
	p.whole = report.Mode == mirror.ModePaged
}

// due reports whether the changes must be read now.
func (p *pace) due(usn int64, r rhythm) bool {
	return p.began.IsZero() || usn != p.usn || p.looked.Sub(p.began) >= r.again
}

// next returns when the next look is of use: not before its result could be acted
// on.
func (p *pace) next(r rhythm) time.Time { return later(p.looked.Add(r.look), p.free(r)) }

// noticed returns when the next look is, after a notification.
func (p *pace) noticed(r rhythm) time.Time { return later(p.looked.Add(r.early), p.free(r)) }

// free returns when changes may be read again.
func (p *pace) free(r rhythm) time.Time {
	gap := r.quiet
	if p.found {
		gap = r.busy
	}
	if p.took > r.slow {
		gap = max(gap, 2*p.took)
	}
	if p.whole {
		gap = max(r.whole, 10*p.took)
	}
	return p.began.Add(gap)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
