package sdk

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The defaults for a host that sets no limits.
const (
	defaultAttempts = 5
	defaultMaxWait  = 5 * time.Minute
	firstBackoff    = 500 * time.Millisecond
)

// Retry sends a request until classify (nil: Classify) finds nothing wrong with
// the answer.
//
// If the request is safe to repeat (GET, HEAD or Repeatable), it is sent again
// after failures of the kinds rate_limited and unavailable, which include no
// answer at all. Retry waits as long as the answer asks, or else backs off. The
// call's limits bound the attempts and each wait: when an answer asks for a
// longer wait, its error is returned at once.
func Retry(c *Call, req Request, classify Classifier) (*Response, error) {
	if classify == nil {
		classify = Classify
	}
	attempts, maxWait := c.limits()
	if req.Method != "" && req.Method != abi.MethodGet && req.Method != abi.MethodHead && !req.Repeatable {
		attempts = 1
	}
	for attempt := 1; ; attempt++ {
		resp, err := c.try(req, classify)
		if err == nil {
			return resp, nil
		}
		if attempt >= attempts || !transient(err) {
			return nil, err
		}
		if err := c.pause(err, attempt, attempts, maxWait); err != nil {
			return nil, err
		}
	}
}

// pause waits after err, before another attempt. It returns the reason when
// there must be none.
func (c *Call) pause(err error, attempt, attempts int, maxWait time.Duration) error {
	wait := backoff(attempt, maxWait)
	var own *Error
	if errors.As(err, &own) && own.After > 0 {
		if own.After > maxWait {
			own.Message += "; it asks to wait " + own.After.Round(time.Second).String() +
				", longer than the " + maxWait.String() + " that this call may wait"
			return own
		}
		wait = own.After + jitter(firstBackoff/2)
	}
	c.Logf(abi.LevelInfo, "attempt %d of %d failed, the next one in %s: %v", attempt, attempts, wait.Round(time.Millisecond), err)
	if c.Wait(wait) != nil {
		return err // the call's time is over: the failure is the better reason
	}
	return nil
}

func (c *Call) limits() (attempts int, maxWait time.Duration) {
	attempts, maxWait = c.input.Retry.Attempts, time.Duration(c.input.Retry.MaxWaitMS)*time.Millisecond
	if attempts <= 0 {
		attempts = defaultAttempts
	}
	if maxWait <= 0 {
		maxWait = defaultMaxWait
	}
	return attempts, maxWait
}

func (c *Call) try(req Request, classify Classifier) (*Response, error) {
	resp, err := c.Send(req)
	if err != nil {
		return nil, err
	}
	if err := classify(resp); err != nil {
		resp.Close()
		return nil, err
	}
	return resp, nil
}

// transient reports whether the same request may succeed later.
func transient(err error) bool {
	if errors.Is(err, abi.CodeDeadline) || errors.Is(err, abi.CodeRateLimited) { // the host has already waited as long as it may
		return false
	}
	k := KindOf(err)
	return k == abi.KindRateLimited || k == abi.KindUnavailable
}

// backoff returns a random wait between half and the whole of a time that
// doubles with each attempt.
func backoff(attempt int, limit time.Duration) time.Duration {
	d := firstBackoff << min(attempt-1, 20)
	d = min(d, limit)
	return d/2 + jitter(d/2)
}

func jitter(limit time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(limit) + 1)) //nolint:gosec // spreads load, hides nothing
}
