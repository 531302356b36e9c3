package credential

import (
	"errors"
	"fmt"
	"testing"
)

type unreadable struct{}

func (unreadable) Error() string { return "cannot be read" }
func (unreadable) Local() bool   { return true }

// TestFaultsOfThisMachine: an error is local when it says so, or its cause does.
func TestFaultsOfThisMachine(t *testing.T) {
	for name, c := range map[string]struct {
		err  Error
		want bool
	}{
		"a refusal":               {Error{Text: "x", Err: errors.New("401")}, false},
		"without a cause":         {Error{Text: "x"}, false},
		"here":                    {Error{Text: "x", Here: true}, true},
		"a cause that is local":   {Error{Text: "x", Err: fmt.Errorf("agent.toml:1:1: %w", unreadable{})}, true},
		"a cause within a cause":  {Error{Text: "x", Err: &Error{Text: "y", Err: unreadable{}}}, true},
		"a cause that is refused": {Error{Text: "x", Err: &Error{Text: "y"}}, false},
	} {
		if got := c.err.Local(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
