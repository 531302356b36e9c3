package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

// people makes an answer of 25 fields a record, about 600 bytes.
func people(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"success":true,"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Person Nümber %d","email":"person%d@example.org","phone":null`, i, i, i)
		for f := range 21 {
			fmt.Fprintf(&b, `,"field_%02d":"value %d"`, f, f*i)
		}
		b.WriteByte('}')
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

type person struct {
	ID      json.Number `json:"id"`
	Name    *string     `json:"name"`
	Email   *string     `json:"email"`
	Phone   *string     `json:"phone"`
	Field01 *string     `json:"field_01"`
	Field02 *string     `json:"field_02"`
	Field03 *string     `json:"field_03"`
	Field04 *string     `json:"field_04"`
}

// BenchmarkAgainstOthers reads 3,000 records of 25 fields and keeps 8, with
// this package, with encoding/json into a struct, and with jsontext into maps
// under the same policy. Runs are interleaved; the medians of the ratios are
// reported, and this package's records a second.
func BenchmarkAgainstOthers(b *testing.B) {
	const count = 3_000
	text := people(count)
	keep := []string{"id", "name", "email", "phone", "field_01", "field_02", "field_03", "field_04"}
	ours := func() error {
		n := 0
		_, err := jsonstream.Emit(bytes.NewBuffer(text), int64(len(text)), jsonstream.Spec{Array: jsonstream.Pointer{"data"}, Key: jsonstream.Pointer{"id"}, Keep: keep}, nil, func(r jsonstream.Record) error {
			n += len(r.Fields)
			return nil
		})
		return errors.Join(err, wrong(n, 8*count))
	}
	structs := func() error {
		var doc struct {
			Data []person `json:"data"`
		}
		err := json.Unmarshal(text, &doc)
		return errors.Join(err, wrong(len(doc.Data), count))
	}
	tokens := func() error {
		n, err := withJSONText(text, keep)
		return errors.Join(err, wrong(n, 8*count))
	}
	var took [3][]float64
	for b.Loop() {
		for i, f := range []func() error{ours, structs, tokens} {
			begin := time.Now()
			if err := f(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(begin).Seconds())
		}
	}
	median := func(of func(i int) float64) float64 {
		var all []float64
		for i := range took[0] {
			all = append(all, of(i))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	b.ReportMetric(median(func(i int) float64 { return count / took[0][i] }), "records/s")
	b.ReportMetric(median(func(i int) float64 { return took[1][i] / took[0][i] }), "x-encoding/json")
	b.ReportMetric(median(func(i int) float64 { return took[2][i] / took[0][i] }), "x-jsontext")
}

func wrong(n, want int) error {
	if n != want {
		return fmt.Errorf("%d of %d", n, want)
	}
	return nil
}

func withJSONText(text []byte, keep []string) (n int, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	wanted := map[string]bool{}
	for _, k := range keep {
		wanted[k] = true
	}
	for range 4 { // { "success" true "data"
		if _, err := dec.ReadToken(); err != nil {
			return n, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return n, err
	}
	for dec.PeekKind() == '{' {
		if _, err := dec.ReadToken(); err != nil {
			return n, err
		}
		fields := make(map[string]any, len(keep))
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return n, err
			}
			if key := name.String(); wanted[key] {
				v, err := dec.ReadToken()
				if err != nil {
					return n, err
				}
				fields[key] = v.String()
			} else if err := dec.SkipValue(); err != nil {
				return n, err
			}
		}
		n += len(fields)
		if _, err := dec.ReadToken(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// BenchmarkShapes is Emit alone, from a reader.
func BenchmarkShapes(b *testing.B) {
	for name, record := range map[string]string{
		"flat":   `{"id":1,"name":"Ada","x":"y","n":12.5}`,
		"pretty": "{\n        \"id\" : 1,\n        \"name\" : \"Ada\",\n        \"x\" : [ 1, 2, { \"a\" : null } ]\n    }",
		"escape": `{"id":"\u00e4","name":"\"\\\u20ac","x":"\ud83d\ude00"}`,
		"long":   `{"id":1,"name":"Ada","x":"` + strings.Repeat("0123456789", 100) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			text := "[" + strings.Repeat(record+",", 999) + record + "]"
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := jsonstream.Emit(struct{ io.Reader }{strings.NewReader(text)}, int64(len(text)), jsonstream.Spec{Key: jsonstream.Pointer{"id"}, Keep: []string{"id", "name"}}, nil, func(jsonstream.Record) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
