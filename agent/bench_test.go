package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// median of the ratios of interleaved pairs, so that a machine that drifts
// slows both sides.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkApplyAgainstLdapadd creates the same accounts with passwords on the
// same domain controller: once with a whole run of the agent (start, fetch,
// mirror, plan, intents, writes, journal), once with ldapadd.
func BenchmarkApplyAgainstLdapadd(b *testing.B) {
	const users, pairs = 500, 9
	w := newWorld(b, users)
	ldif := w.write("users.ldif", "")
	var ours, theirs, ratios []float64
	for range pairs {
		w.newState()
		p := w.plan(4)
		w.write("users.ldif", asLDIF(b, p))
		started := time.Now()
		w.want(4, "apply", "staff") // two names are too long
		a := time.Since(started).Seconds()
		n := len(w.accounts())
		w.deleteAccounts()

		started = time.Now()
		add := exec.Command("ldapadd", "-H", w.dc.URL, "-x", "-D", w.dc.BindDN, "-w", w.dc.BindPassword, "-f", ldif)
		add.Env = append(os.Environ(), "LDAPTLS_CACERT="+w.dc.CAFile)
		if out, err := add.CombinedOutput(); err != nil {
			b.Fatalf("ldapadd: %v\n%s", err, tail(out))
		}
		l := time.Since(started).Seconds()
		if m := len(w.accounts()); m != n {
			b.Fatalf("the agent made %d accounts, ldapadd %d", n, m)
		}
		w.deleteAccounts()
		ours, theirs, ratios = append(ours, float64(n)/a), append(theirs, float64(n)/l), append(ratios, l/a)
	}
	b.ReportMetric(median(ours), "users/s")
	b.ReportMetric(median(theirs), "ldapadd-users/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

func tail(out []byte) []byte { return out[max(0, len(out)-800):] }

func (w *world) deleteAccounts() {
	for _, e := range w.accounts() {
		w.dc.Delete(w, e.DN)
	}
}

// asLDIF writes the plan's creates as an administrator would for ldapadd.
func asLDIF(b *testing.B, p ident.Plan) string {
	var out bytes.Buffer
	line := func(name, value string) {
		fmt.Fprintf(&out, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			if op.Class != ident.ClassCreate {
				continue
			}
			line("dn", string(op.To))
			out.WriteString("objectClass: user\nuserAccountControl: 512\npwdLastSet: 0\n")
			line("unicodePwd", quotedUTF16("Xy7"+strings.Repeat("pQ4-", 5)+string(c.Key)))
			for _, a := range op.Attributes {
				if strings.EqualFold(a.Name, "cn") {
					continue
				}
				for _, v := range a.New {
					line(a.Name, v)
				}
			}
			out.WriteString("\n")
		}
	}
	if out.Len() == 0 {
		b.Fatal("the plan creates nobody")
	}
	return out.String()
}

func quotedUTF16(password string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

// people returns a simulator without rate limits.
func people(n int) *sim.Server { return sim.New(sim.Options{Seed: 1, People: n, Unlimited: true}) }
