package receiver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// delivery is what the body of a request says.
type delivery struct {
	id      string
	unnamed bool      // the body has no id: its digest is one
	at      time.Time // zero: the manifest names no place for it
	kind    string
	records string
	key     ident.Key
	odd     string // the pointer of Expect at which something else stands; "" when all is as expected
}

// Bounds of what a delivery may say.
const (
	maxID    = 200 // bytes of an id; a longer one counts by its digest
	maxWord  = 200 // bytes of the kinds
	maxKey   = abi.MaxKeySize
	maxDepth = 100
)

// parse reads a delivery by the pointers of the manifest. Its errors hold nothing
// of the body but the pointer, as they are logged.
func parse(r abi.Receiver, body []byte) (delivery, error) {
	want := map[string]string{}
	for _, pointer := range []string{r.ID, r.Time, r.Kind, r.Key, r.Records} {
		want[pointer] = ""
	}
	for pointer := range r.Expect {
		want[pointer] = ""
	}
	delete(want, "") // not set; Expect may mean the whole body, which is never a text
	found, err := pick(body, want)
	if err != nil {
		return delivery{}, err
	}
	d := delivery{kind: found[r.Kind].text, records: found[r.Records].text}
	for pointer, text := range r.Expect {
		if found[pointer].text != text {
			d.odd = pointer
			return d, nil
		}
	}
	id := found[r.ID].key()
	d.id, d.unnamed = deliveryID(id, body), id == ""
	if r.ID != "" && d.unnamed && r.Time == "" && r.Auth.Timestamp == "" {
		return d, fmt.Errorf("%s, the id, is missing, and nothing else tells one delivery from another", r.ID)
	}
	for _, one := range []struct{ pointer, text string }{{r.Kind, d.kind}, {r.Records, d.records}} {
		if one.pointer != "" && (one.text == "" || len(one.text) > maxWord) {
			return d, fmt.Errorf("%s is missing or longer than %d bytes", one.pointer, maxWord)
		}
	}
	d.key = ident.Key(found[r.Key].key())
	if d.key == "" || len(d.key) > maxKey || strings.ContainsRune(string(d.key), 0) {
		return d, fmt.Errorf("%s, the key, is missing, longer than %d bytes or holds U+0000", r.Key, maxKey)
	}
	if r.Time != "" {
		if d.at, err = parseTime(found[r.Time].text); err != nil {
			return d, fmt.Errorf("%s: %w", r.Time, err)
		}
	}
	return d, nil
}

// deliveryID returns the id of a delivery. Without one, equal bodies are one
// delivery.
func deliveryID(id string, body []byte) string {
	switch {
	case id == "":
		sum := sha256.Sum256(body)
		return "body sha256:" + hex.EncodeToString(sum[:])
	case len(id) > maxID:
		sum := sha256.Sum256([]byte(id))
		return "id sha256:" + hex.EncodeToString(sum[:])
	}
	return id
}

// errTime does not repeat the text.
var errTime = errors.New("no time as RFC 3339, or in seconds or milliseconds since 1970")

// parseTime reads a time in each of the forms in which applications send it.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err != nil || n <= 0 || len(whole) > 13:
		return time.Time{}, errTime
	case n >= 100_000_000_000: // 11 digits of seconds are the year 5138
		return time.UnixMilli(n).UTC(), nil
	}
	return time.Unix(n, 0).UTC(), nil
}

// scalar is a value that is neither an object nor an array.
type scalar struct {
	text   string
	number bool
}

// key returns the text that identifies something: equal numbers have one, however
// they are spelled, and it is that of the number as a text.
func (s scalar) key() string {
	if s.number {
		if key, ok := abi.NumberKey(s.text); ok {
			return key
		}
	}
	return s.text
}

// node is a place within the body at which, or below which, something is wanted.
type node struct {
	pointer string // "" when only something below is wanted
	below   map[string]*node
}

// pick returns the values at pointers. null and what is not there are left out. The
// rest of the body is read but not kept, so that a body costs no more memory than
// it has bytes.
func pick(body []byte, want map[string]string) (map[string]scalar, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	root := &node{}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for pointer := range want {
		at := root
		for _, part := range strings.Split(pointer[1:], "/") {
			if part = unescape.Replace(part); at.below[part] == nil {
				if at.below == nil {
					at.below = map[string]*node{}
				}
				at.below[part] = &node{}
			}
			at = at.below[part]
		}
		at.pointer = pointer
	}
	w := &walk{decoder: json.NewDecoder(bytes.NewReader(body)), found: map[string]scalar{}}
	w.decoder.UseNumber()
	if err := w.value(root, 0); err != nil {
		return nil, err
	}
	if _, err := w.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return w.found, nil
}

type walk struct {
	decoder *json.Decoder
	found   map[string]scalar
}

// errJSON does not repeat what stands there.
var errJSON = errors.New("the body is not JSON")

func (w *walk) value(at *node, depth int) error {
	token, err := w.decoder.Token()
	if err != nil {
		return errJSON
	}
	if open, ok := token.(json.Delim); ok {
		if at != nil && at.pointer != "" {
			return fmt.Errorf("%s is an object or an array", at.pointer)
		}
		if depth == maxDepth {
			return fmt.Errorf("the body is nested more than %d deep", maxDepth)
		}
		return w.members(open, at, depth+1)
	}
	if at == nil || at.pointer == "" || token == nil {
		return nil
	}
	s := scalar{}
	switch v := token.(type) {
	case string:
		s.text = v
	case json.Number:
		s.text, s.number = v.String(), true
	case bool:
		s.text = strconv.FormatBool(v)
	}
	w.found[at.pointer] = s
	return nil
}

// members reads an object or an array up to its end. A name that is wanted must
// not stand there twice: others may have read the other one.
func (w *walk) members(open json.Delim, at *node, depth int) error {
	seen := map[string]bool{}
	for i := 0; w.decoder.More(); i++ {
		name := strconv.Itoa(i)
		if open == '{' {
			token, err := w.decoder.Token()
			if err != nil {
				return errJSON
			}
			name, _ = token.(string)
		}
		var below *node
		if at != nil {
			below = at.below[name]
		}
		if below != nil && seen[name] {
			return errors.New("the body has a name twice in one object")
		}
		if below != nil {
			seen[name] = true
		}
		if err := w.value(below, depth); err != nil {
			return err
		}
	}
	if _, err := w.decoder.Token(); err != nil {
		return errJSON
	}
	return nil
}
