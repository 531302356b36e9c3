package plan

import (
	"fmt"
	"runtime/debug"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Crashes counts panics while planning single records.
type Crashes struct {
	Count int
	Key   ident.Key // of the first one
	Panic string
	Stack string
}

// shield keeps a panic over one key from ending the whole plan: the key is set
// aside. It counts as present, so that nobody is missing because of it.
func (d *draft) shield(key ident.Key, rec ident.Record, do func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if d.crashes.Count++; d.crashes.Count == 1 {
			d.crashes.Key, d.crashes.Panic, d.crashes.Stack = key, fmt.Sprint(v), string(debug.Stack())
		}
		err = nil
		d.setAside(key, recordName(rec), fmt.Sprintf("internal error of rollcall while this record was planned: %v", v),
			"report it with the stack, which is in the agent's log; until it is mended, nothing is done about this record")
	}()
	return do()
}
