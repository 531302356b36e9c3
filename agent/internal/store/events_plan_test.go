package store

import (
	"strings"
	"testing"
)

// TestEventsAndEchoesAreFoundByIndex holds for the statements that run with each write to
// the directory, each event and each look of the feed: none goes through what is over.
func TestEventsAndEchoesAreFoundByIndex(t *testing.T) {
	s := openTest(t)
	for name, q := range map[string]struct {
		query string
		args  []any
		index []string
	}{
		"echoes of an intent":     {echoesOfIntent, []any{1}, []string{"echoes_intent"}},
		"a write has ended":       {settleOfIntent, []any{1, "g", 1}, []string{"echoes_intent"}},
		"writes are awaited":      {selectMirrorState, nil, []string{"echoes_awaited"}},
		"echoes of an object":     {selectEchoes + ofObject, []any{"g"}, []string{"echoes_guid"}},
		"echoes of an anchor":     {selectEchoes + ofAnchor, []any{"crm:1"}, []string{"echoes_anchor"}},
		"echoes that have ended":  {endedEchoes + `<> ?`, []any{1, "dc", 1, "life"}, []string{"echoes_settled"}},
		"echoes that are unheard": {unheardEchoes, []any{1, 1}, []string{"echoes_settled"}},
		"echoes of no intent":     {ownerlessEcho, nil, []string{"echoes_intent"}},
		"open events":             {openEvents, []any{1, 1, 1, 10}, []string{"events_open", "events_open_guid"}},
		"count of open events":    {countOpenEvents, nil, []string{"events_open"}},
		"the oldest open event":   {oldestOpenEvent, nil, []string{"events_open"}},
		"earlier instances":       {selectInstances + ` WHERE ` + earlierInstances + ` ORDER BY id`, []any{"g", 1}, []string{"instances_open_guid"}},
	} {
		all := planOf(t, s, q.query, q.args...)
		for _, index := range q.index {
			if !strings.Contains(all+" ", "INDEX "+index+" ") && !strings.Contains(all+"\n", "INDEX "+index+"\n") {
				t.Errorf("%s does not use %s:\n%s", name, index, all)
			}
		}
		for _, line := range strings.Split(all, "\n") {
			if line == "SCAN mirror_state" { // its only row
				continue
			}
			if strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "INDEX") || strings.Contains(line, "TEMP B-TREE") ||
				strings.Contains(line, "INDEX events_guid") || strings.Contains(line, "INDEX instances_guid") {
				t.Errorf("%s goes through what is over:\n%s", name, all)
			}
		}
	}
}
