package ident

import "testing"

func TestDisabledTellsUnknownFromEnabled(t *testing.T) {
	for _, c := range []struct {
		control         string
		disabled, known bool
	}{
		{"512", false, true},
		{"514", true, true},
		{"66050", true, true}, // with a password that does not expire
		{"-2147483134", true, true},
		{"", false, false},
		{"disabled", false, false},
		{"99999999999999999999", false, false}, // does not fit: its bits are unknown
	} {
		e := Entry{Attributes: Attributes{}}
		if c.control != "" {
			e.Attributes.Set("userAccountControl", c.control)
		}
		if disabled, known := e.Disabled(); disabled != c.disabled || known != c.known {
			t.Errorf("userAccountControl %q: disabled %v, known %v", c.control, disabled, known)
		}
	}
	if disabled, known := (Entry{}).Disabled(); disabled || known {
		t.Errorf("an entry without attributes: disabled %v, known %v", disabled, known)
	}
}
