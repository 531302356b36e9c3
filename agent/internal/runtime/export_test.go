package runtime

import (
	"context"
	"time"
)

// NewStart is a start whose commands lose their patience sooner.
func NewStart(notice, limit time.Duration) (wait func(context.Context) error, end func(error)) {
	s := newStart()
	s.notice, s.limit = notice, limit
	return s.wait, s.end
}
