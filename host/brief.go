package host

import (
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// maxReason bounds, in bytes, the reason that a module was refused for. Errors
// quote the module, whose texts may be a mebibyte long, and the log repeats
// them at every start.
const maxReason = 2000

// briefError is an error whose text was cut.
type briefError struct {
	text string
	err  error
}

func (e *briefError) Error() string { return e.text }

func (e *briefError) Unwrap() error { return e.err }

// brief shortens an error whose text is too long. It keeps the end, which says
// what is wrong with the text quoted before it.
func brief(err error) error {
	if err == nil || len(err.Error()) <= maxReason {
		return err
	}
	return &briefError{cut(err.Error(), maxReason), err}
}

// cut removes the middle of a long text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const gap = " ... "
	half := (most - len(gap)) / 2
	return strings.ToValidUTF8(text[:half], "") + gap + strings.ToValidUTF8(text[len(text)-half:], "")
}

// nameOf returns what may be shown of a refused manifest. None of its values
// has been checked, so long ones are cut.
func nameOf(m abi.Manifest) abi.Manifest {
	return abi.Manifest{Name: cut(m.Name, maxShown), Version: cut(m.Version, maxShown), Title: cut(m.Title, maxShown)}
}

const maxShown = 64 // bytes of a name, version or title that was not checked
