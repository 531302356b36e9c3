package mapping

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

type freeNames struct{}

func (freeNames) Holder(string, string, Unique, ident.DN, ident.GUID, ident.Key) (string, bool, error) {
	return "", false, nil
}
func (freeNames) Reserve(string, string, Unique, ident.DN, ident.Key) {}

// The baseline of the benchmark gives what the mapping gives.
func TestPlainGoMapsTheSame(t *testing.T) {
	def := tenTimesFive()
	m := compile(t, def)
	for _, rec := range somePeople() {
		d, err := m.Map(rec, nil, nil, freeNames{})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Attributes) != len(def.Attributes) {
			t.Errorf("%s has %d attributes, not %d", rec.Key, len(d.Attributes), len(def.Attributes))
		}
		plain := plainly(def.Lookups["departments"], rec, freeNames{})
		if diff := cmp.Diff(plain, d.Attributes, cmpopts.IgnoreFields(ident.DesiredAttribute{}, "Source")); diff != "" {
			t.Errorf("%s, plain Go (-) and the mapping (+):\n%s", rec.Key, diff)
		}
	}
}

// BenchmarkMap maps ten attributes with five functions each, on one core. ratio
// is the rate divided by that of plain Go that does the same.
func BenchmarkMap(b *testing.B) {
	const pairs, records = 31, 1000
	def := tenTimesFive()
	m, people := compile(b, def), somePeople()
	mapped := func() {
		for i := range records {
			if _, err := m.Map(people[i%len(people)], nil, nil, freeNames{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	plain := func() {
		for i := range records {
			if len(plainly(def.Lookups["departments"], people[i%len(people)], freeNames{})) == 0 {
				b.Fatal("no attributes")
			}
		}
	}
	took := func(f func()) float64 {
		started := time.Now()
		f()
		return time.Since(started).Seconds()
	}
	mapped()
	plain()
	var ours, theirs, ratios []float64
	for b.Loop() {
		for range pairs {
			a, n := took(mapped), took(plain)
			ours, theirs, ratios = append(ours, records/a), append(theirs, records/n), append(ratios, n/a)
		}
	}
	b.ReportMetric(middle(ours), "records/s")
	b.ReportMetric(middle(theirs), "plain-records/s")
	b.ReportMetric(middle(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
