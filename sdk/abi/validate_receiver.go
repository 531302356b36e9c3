package abi

import (
	"maps"
	"slices"
	"strings"
)

// Normalize fills in the defaults of a receiver.
func (r *Receiver) Normalize() {
	if a := &r.Auth; a.Kind == ReceiverHMAC {
		if a.Algorithm == "" {
			a.Algorithm = "sha256"
		}
		if a.Encoding == "" {
			a.Encoding = "hex"
		}
		if a.Signed == "" {
			a.Signed = SignedBody
		}
	}
}

func (m Manifest) checkReceiver(p problems) {
	if m.Receiver == nil {
		return
	}
	r := *m.Receiver
	p = p.in("receiver")
	r.Auth.check(p.in("auth"))
	r.checkPath(p)
	checkPointer(p, "id", r.ID)
	checkPointer(p, "time", r.Time)
	checkPointer(p, "kind", r.Kind)
	checkPointer(p, "key", r.Key)
	checkPointer(p, "records", r.Records)
	if r.Key == "" {
		p.add("key is missing: the JSON pointer to the key of the record, such as \"/meta/entity_id\"")
	}
	if r.ID == "" && r.Time == "" && r.Auth.Timestamp == "" {
		p.add("id, time or auth.timestamp must be set: without any of them two changes with the same body would be one delivery")
	}
	for _, at := range slices.Sorted(maps.Keys(r.Expect)) {
		checkPointer(p, "expect", at)
		if at == "" {
			p.add("expect: an empty pointer means the whole body, which is never a text")
		}
	}
	r.checkKinds(p)
	m.checkAbout(p, r)
	m.checkSubscribing(p, r)
}

func (r Receiver) checkPath(p problems) {
	if r.Path == "" {
		return
	}
	for _, segment := range strings.Split(strings.TrimPrefix(r.Path, "/"), "/") {
		if r.Path[0] != '/' || len(r.Path) > 256 || !madeOf(segment, lower+upper+digits+"_-", 64) {
			p.add("path %q is not a slash and segments of letters, digits, _ and -", r.Path)
			return
		}
	}
}

func (r Receiver) checkKinds(p problems) {
	most := len(r.Take) + len(r.Ignore)
	if r.Kind == "" && most > 0 {
		p.add("take and ignore need kind, the JSON pointer to the kind of the change")
	}
	if r.Kind != "" && most == 0 {
		p.add("kind needs take or ignore: which kinds of changes lead to a run")
	}
	if most+len(r.Endpoints)+len(r.Expect) > maxSettings {
		p.add("take, ignore, endpoints and expect have more than %d values", maxSettings)
	}
	for _, kind := range slices.Concat(r.Take, r.Ignore) {
		if kind == "" {
			p.add("take, ignore: an empty text")
		}
	}
	for _, kind := range r.Take {
		if slices.Contains(r.Ignore, kind) {
			p.add("%q is in take and in ignore", kind)
		}
	}
}

// checkAbout checks that it is known for each delivery which endpoint's record it
// is about.
func (m Manifest) checkAbout(p problems, r Receiver) {
	if (r.Records == "") == (r.Endpoint == "") || (r.Records == "") != (len(r.Endpoints) == 0) {
		p.add("either endpoint must be set, or records and endpoints: which endpoint's records the deliveries are about")
	}
	if r.Endpoint != "" {
		m.checkNamesEndpoint(p, "endpoint", r.Endpoint)
	}
	for _, records := range slices.Sorted(maps.Keys(r.Endpoints)) {
		m.checkNamesEndpoint(p, "endpoints", r.Endpoints[records])
	}
}

func (m Manifest) checkNamesEndpoint(p problems, field, name string) {
	if _, ok := m.Endpoint(name); !ok {
		p.add("%s: there is no endpoint %q", field, name)
	}
}

// foreign lists the keys that are set and do not belong to the kind.
func (a ReceiverAuth) foreign() []string {
	set := map[string]bool{
		"algorithm": a.Algorithm != "", "encoding": a.Encoding != "", "timestamp": a.Timestamp != "", "signed": a.Signed != "",
	}
	switch a.Kind {
	case ReceiverHMAC:
		return nil
	case ReceiverBasic:
		set["header"], set["prefix"] = a.Header != "", a.Prefix != ""
	case ReceiverHeader:
	}
	maps.DeleteFunc(set, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(set))
}

func (a ReceiverAuth) check(p problems) {
	switch a.Kind {
	case ReceiverBasic:
	case ReceiverHeader:
		AuthProfile{Header: a.Header, Prefix: a.Prefix}.checkHeader(p)
	case ReceiverHMAC:
		AuthProfile{Header: a.Header, Prefix: a.Prefix}.checkHeader(p)
		a.checkSignature(p)
	default:
		p.add("kind %q is not basic, header or hmac", a.Kind)
		return
	}
	for _, key := range a.foreign() {
		p.add("%s does not belong to kind %s", key, a.Kind)
	}
}

// checkSignature checks what is signed. A time that is not part of it could be
// changed by anybody.
func (a ReceiverAuth) checkSignature(p problems) {
	if !slices.Contains([]string{"sha256", "sha512", "sha1"}, a.Algorithm) {
		p.add("algorithm %q is not sha256, sha512 or sha1", a.Algorithm)
	}
	if a.Encoding != "hex" && a.Encoding != "base64" {
		p.add("encoding %q is not hex or base64", a.Encoding)
	}
	if a.Timestamp != "" && !isToken(a.Timestamp) {
		p.add("timestamp %q is not the name of a header", a.Timestamp)
	}
	if strings.Count(a.Signed, SignedBody) != 1 {
		p.add("signed %q does not hold %s once", a.Signed, SignedBody)
	}
	if (a.Timestamp != "") != strings.Contains(a.Signed, SignedTimestamp) {
		p.add("timestamp and %s in signed belong together: a time that is not signed proves nothing", SignedTimestamp)
	}
	rest := strings.NewReplacer(SignedBody, "", SignedTimestamp, "").Replace(a.Signed)
	if strings.ContainsAny(rest, "{}") {
		p.add("signed %q: only %s and %s stand in braces", a.Signed, SignedBody, SignedTimestamp)
	}
}
