package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
)

const (
	recordedFile = "testdata/recorded.txt" // a digest a line, by the seeds 1, 2, 3, ...
	recorded     = 6000
	everyday     = 300 // as many of them are compared where tests do not run at full size
)

var oneWorld = flag.Int("world", 0, "print all that is planned for the random world with this seed")

// TestRecordedPlans compares the plans of random worlds with those that were
// recorded: the same input gives the same plan, to the byte, whatever the code
// looks like that makes it. Where a plan is meant to become another one, the
// test says which worlds notice; look at some of them before and after
// (-run RecordedPlans -world SEED), then record them anew (-update). Record them
// anew before the change, too, where the worlds themselves change.
func TestRecordedPlans(t *testing.T) {
	swaps := swapMapping(t)
	worlds := rapid.Custom(func(t *rapid.T) *wideWorld { return drawWideWorld(t, swaps) })
	if *oneWorld > 0 {
		fmt.Printf("%s\n", planned(t, worlds.Example(*oneWorld)))
		return
	}
	n := soak.Size(everyday, recorded)
	if *update {
		n = recorded
	}
	var got strings.Builder
	for seed := 1; seed <= n; seed++ {
		sum := sha256.Sum256(planned(t, worlds.Example(seed)))
		got.WriteString(hex.EncodeToString(sum[:5]) + "\n")
	}
	if *update {
		if err := os.WriteFile(recordedFile, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	var others []int
	is, was := strings.Fields(got.String()), strings.Fields(string(want))
	for i := range is {
		if i >= len(was) || is[i] != was[i] {
			others = append(others, i+1)
		}
	}
	if len(others) > 0 {
		t.Errorf("%d of %d worlds have another plan than was recorded; the first of them: %v", len(others), n, others[:min(10, len(others))])
	}
}

// planned is all that is planned for a world: as it is, once more with what its
// plan leaves for the next run, and by hand.
func planned(t *testing.T, w *wideWorld) []byte {
	t.Helper()
	first := w.tell()
	w.learn(first.Plan)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	for _, told := range []any{first, Relimit(w.set, w.hist, first.Plan), w.tell(), w.byHand()} {
		if err := enc.Encode(told); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
