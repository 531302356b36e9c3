package event

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestWhatIsAskedForCanBeSeen: an attribute whose changes no event shows is refused
// where somebody asks for it, and every other gives a part to who asks for it by name.
// What an automation that names none takes is recorded without being named.
func TestWhatIsAskedForCanBeSeen(t *testing.T) {
	for _, name := range strings.Fields(`
		cn name distinguishedname member memberof directreports managedobjects objectclass objectcategory objectguid objectsid
		isdeleted isrecycled lastknownparent instancetype dscorepropagationdata replpropertymetadata whenchanged whencreated
		usnchanged usncreated canonicalname tokengroups lastlogon lastlogoff logoncount badpwdcount badpasswordtime unicodepwd
		useraccountcontrol lockouttime pwdlastset lastlogontimestamp msds-lastsuccessfulinteractivelogontime
		title mail manager description samaccountname primarygroupid extensionattribute1 thumbnailphoto`) {
		modified := func(rules Rules) bool {
			rules.Places = places{}
			before := ident.Entry{DN: "CN=Ada,DC=c", Attributes: ident.Attributes{name: {"1"}}}
			after := ident.Entry{DN: "CN=Ada,DC=c", Attributes: ident.Attributes{name: {"5"}}}
			parts, err := Compare(before, after, []string{name}, rules)
			if err != nil {
				t.Fatal(err)
			}
			return len(parts) > 0
		}
		named := modified(Rules{Named: map[string]bool{name: true}})
		if refused := ident.Unseen(name) != ""; refused == named {
			t.Errorf("%s: refused at load %v, recorded when it is asked for %v", name, refused, named)
		}
		unnamed := ident.On{Kind: ident.EventModified}.Takes(ident.EventPart{Kind: ident.EventModified, Attribute: name})
		if recorded := modified(Rules{}); recorded != (named && unnamed) {
			t.Errorf("%s: taken unnamed %v, recorded unnamed %v", name, unnamed, recorded)
		}
	}
}
