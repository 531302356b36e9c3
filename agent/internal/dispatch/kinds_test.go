package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// TestLinksOfAnotherKind: the user 7 is somebody else than the person 7. A webhook
// of persons sees and makes links of persons only, and a key that is taken is
// told without anything being lost.
func TestLinksOfAnotherKind(t *testing.T) {
	within(t, func(s *scene) {
		ada, bob := s.person("ada"), s.person("bob")
		s.link("crm", "7", bob)
		s.answer = func(sending) (host.Answer, error) { return host.Answer{Status: 201, LinkKey: "7"}, nil }
		create, second := webhook("crm", "/persons"), webhook("crm", `/persons/{{ link.key }}/of/{{ links["crm/person"].key }}/{{ links.crm == null }}`)
		create.Webhook.LinkKind, second.Webhook.LinkKind, create.If = "person", "person", "link == null"
		s.start(define("joiner", create, second, create), ada)
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		s.want("calls", "crm /persons", "crm /persons/7/of/7/true")
		persons := ident.SpaceOf("crm", "person")
		if link, found, err := s.store.LinkByKey(s.Context(), persons, "7"); err != nil || !found || link.GUID != ada || link.Origin != ident.OriginOutbound {
			s.Errorf("the person 7: %+v %v %v", link, found, err)
		}
		if link, _, err := s.store.LinkByKey(s.Context(), ident.Users("crm"), "7"); err != nil || link.GUID != bob {
			s.Errorf("the user 7: %+v %v", link, err)
		}

		// Bob is no person yet; the key is ada's.
		id := s.start(define("other", create), bob)[0]
		time.Sleep(2 * time.Second)
		s.status(id, store.InstanceBlocked)
		dead := s.deliveries(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryDead}})
		if len(dead) != 1 || !strings.Contains(dead[0].Cause, `crm/person:7 is linked to `+string(ada)+` already (by orchestration "joiner")`) {
			s.Errorf("%+v", dead)
		}
	})
}

// TestASearchThatFindsNobody makes no link and does not fail: the next step can
// ask whether there is one.
func TestASearchThatFindsNobody(t *testing.T) {
	within(t, func(s *scene) {
		s.answer = func(c sending) (host.Answer, error) {
			if c.Webhook.Path == "/find" {
				return host.Answer{Status: 200, Body: []byte(`{"data":[]}`), Size: 11}, nil
			}
			return host.Answer{Status: 201, LinkKey: "9"}, nil
		}
		create := webhook("crm", "/users")
		create.If = "link == null"
		s.start(define("joiner", webhook("crm", "/find"), create, webhook("crm", "/users/{{ link.key }}")), s.person("ada"))
		_, stop := s.run()
		defer stop()
		time.Sleep(2 * time.Second)
		s.want("calls", "crm /find", "crm /users", "crm /users/9")
	})
}
