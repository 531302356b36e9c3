package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// agents holds the generated agents and all changes since.
type agents struct {
	*simkit.Store[Agent]
	generator

	mu   sync.RWMutex
	gone []int64 // removed numbers, sorted
}

func newAgents(o Options) *agents {
	a := &agents{generator: newGenerator(o.Seed+1, o.Agents)}
	a.Store = simkit.NewStore(int64(o.Agents), a.generate, nil)
	return a
}

func (a *agents) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = nil
	a.Reset()
}

// step makes the numbers in ids look like the vendor's and keeps their order.
const step = 0x1F3A5C7B9

// idText returns the id of agent n: the number, and digits that cannot be
// guessed.
func (a *agents) idText(n int64) string {
	d := a.names.Dice(n)
	return fmt.Sprintf("%016X%08X%08X", uint64(n)*step, d.Below(1<<31-1), d.Below(1<<31-1))
}

var agentID = regexp.MustCompile(`^[0-9A-F]{32}$`)

// number returns the number of the agent with an id.
func (a *agents) number(id string) (int64, bool) {
	if !agentID.MatchString(id) {
		return 0, false
	}
	high, err := strconv.ParseUint(id[:16], 16, 64)
	n := int64(high / step)
	return n, err == nil && a.idText(n) == id
}

func (a *agents) generate(n int64) Agent {
	d := a.names.Dice(n)
	first, last, _ := a.name(&d, n)
	name := strings.TrimSpace(first + " " + last)
	created := time.Date(2019, 5, 10, 9, 53, 58, 463e6, time.UTC).Add(time.Duration(d.Below(2300*24*3600)) * time.Second)
	one := Agent{
		ID: a.idText(n), DisplayName: name, Status: simkit.Pick(&d, agentStatuses()), Role: "AGENT", Enabled: true,
		CreatedAt: created.Format(agentTime), Email: a.names.Address(&d, name, n),
	}
	one.Availability = one.Status
	one.UpdatedAt = created.Add(time.Duration(d.Below(90*24*3600)) * time.Second).Format(agentTime)
	if d.Below(8) == 0 {
		one.Role = "SUPERVISOR"
	}
	if n > 1 && d.Below(12) == 0 {
		one.Enabled = false
	}
	return one
}

func (a *agents) add(one Agent) Agent {
	return a.Add(func(n int64) Agent {
		one.ID = a.idText(n)
		return one
	})
}

func (a *agents) change(n int64, f func(*Agent)) (Agent, bool) {
	_, one, ok, _ := a.Change(n, func(one *Agent) error {
		id := one.ID
		f(one)
		one.ID = id
		return nil
	})
	return one, ok
}

func (a *agents) remove(n int64) (Agent, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.Remove(n)
	if ok {
		i, _ := slices.BinarySearch(a.gone, n)
		a.gone = slices.Insert(a.gone, i, n)
	}
	return one, ok
}

func (a *agents) total() int64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.Highest() - int64(len(a.gone))
}

// page returns the numbers of a page of the agents up to last, and how many
// there are in all. It creates no agents.
func (a *agents) page(last, from, n int64) (page []int64, total int64) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	i, _ := slices.BinarySearch(a.gone, last+1)
	total = last - int64(i)
	for at := from; at < min(from+n, total); at++ {
		page = append(page, nth(a.gone, at))
	}
	return page, total
}

// nth returns the number at a position, counted from 0, skipping removed ones.
func nth(gone []int64, position int64) int64 {
	n := position + 1
	for _, g := range gone {
		if g > n {
			break
		}
		n++
	}
	return n
}
