package check

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// partitions is a forest that answers the search for its domains.
type partitions struct {
	domains []string
	asked   conn.Query
	fails   error
}

func (p *partitions) Server() conn.Server {
	return conn.Server{NamingContext: "DC=eu,DC=corp", ServiceName: "CN=NTDS Settings,CN=DC1,CN=Sites,CN=Configuration,DC=corp"}
}

func (p *partitions) Search(_ context.Context, q conn.Query, each func(ident.Entry) error) error {
	p.asked = q
	for _, d := range p.domains {
		if err := each(ident.Entry{Attributes: ident.Attributes{"ncname": {d}}}); err != nil {
			return err
		}
	}
	return p.fails
}

func TestOtherDomains(t *testing.T) {
	p := &partitions{domains: []string{"DC=us,DC=corp", "dc=EU,dc=corp", "DC=corp"}}
	others, err := otherDomains(t.Context(), p)
	if got := strings.Join(others, " "); got != "DC=corp DC=us,DC=corp" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if p.asked.Base != "CN=Partitions,CN=Configuration,DC=corp" {
		t.Errorf("asked %q", p.asked.Base)
	}
	p = &partitions{domains: []string{"DC=eu,DC=corp"}}
	if others, err := otherDomains(t.Context(), p); len(others) != 0 || err != nil {
		t.Errorf("a forest of one domain: %q, %v", others, err)
	}
	p.fails = errors.New("no answer")
	if _, err := otherDomains(t.Context(), p); err == nil || !strings.Contains(err.Error(), "list the domains of the forest: no answer") {
		t.Errorf("%v", err)
	}
}
