package ident

import "testing"

func TestGUIDBytes(t *testing.T) {
	const text = GUID("33221100-5544-7766-8899-aabbccddeeff")
	b, err := text.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		if b[i] != byte(i*0x11) {
			t.Fatalf("bytes %x: byte %d is out of order", b, i)
		}
	}
	if back, err := GUIDFromBytes(b); err != nil || back != text {
		t.Fatalf("GUIDFromBytes(%x) = %q, %v", b, back, err)
	}
	for _, bad := range []GUID{"", "33221100", "33221100-5544-7766-8899-aabbccddeefg", "332211005544776688 99aabbccddeeff"} {
		if _, err := bad.Bytes(); err == nil {
			t.Errorf("%q was taken for a GUID", bad)
		}
	}
	if _, err := GUIDFromBytes(b[:15]); err == nil {
		t.Error("15 bytes were taken for a GUID")
	}
}

func TestChildEscapes(t *testing.T) {
	const ou = DN("OU=Staff,DC=x")
	for _, name := range []string{"Equals=Sign", "x,OU=Other", "=", "#hash", " spaced ", `b\`, "a+b", "a;b", `"q"`} {
		dn := ou.Child(name)
		if dn.Name() != name || dn.Parent() != ou || !dn.Under(ou) {
			t.Errorf("child %q is %s: name %q in %s", name, dn, dn.Name(), dn.Parent())
		}
	}
	if dn := ou.Child("a=b"); dn != `CN=a\=b,OU=Staff,DC=x` {
		t.Errorf("%s: Samba takes an equals sign only when it is escaped", dn)
	}
}
