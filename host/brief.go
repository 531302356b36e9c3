package host

import (
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// maxReason is how many bytes are told of why a module was refused. Errors
// quote what a module holds, which may be a mebibyte, and the log has one at
// every start.
const maxReason = 2000

// briefError is an error whose text was cut.
type briefError struct {
	text string
	err  error
}

func (e *briefError) Error() string { return e.text }

func (e *briefError) Unwrap() error { return e.err }

// brief cuts the text of an error that is too long: the end of it stays, which
// says what is wrong with what was quoted before.
func brief(err error) error {
	if err == nil || len(err.Error()) <= maxReason {
		return err
	}
	return &briefError{cut(err.Error(), maxReason), err}
}

// cut leaves out the middle of a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const gap = " ... "
	half := (most - len(gap)) / 2
	return strings.ToValidUTF8(text[:half], "") + gap + strings.ToValidUTF8(text[len(text)-half:], "")
}

// nameOf is what is shown of a manifest that was refused: nothing in it was
// found to be in order, its size included.
func nameOf(m abi.Manifest) abi.Manifest {
	return abi.Manifest{Name: cut(m.Name, maxShown), Version: cut(m.Version, maxShown), Title: cut(m.Title, maxShown)}
}

const maxShown = 64 // bytes of a name, version or title that was not checked
