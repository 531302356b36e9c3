package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlaces marks each place in the text: the index must find what stands
// there.
func TestPlaces(t *testing.T) {
	text := strings.Join([]string{
		`top = 1`,                            // 1
		`[a]`,                                // 2
		`s = "text"`,                         // 3
		`l = 'lit'`,                          // 4
		`b = true`,                           // 5
		`  i   =   -5`,                       // 6
		`n = [ "x", 2, [3] ]`,                // 7
		`t = { k = "v", "q r" = 'w', e.f=1}`, // 8
		`m = """`,                            // 9
		`first`,                              // 10
		`second"""`,                          // 11
		`o = '''one'''`,                      // 12
		`"ü" = { "ö" = "é" }`,                // 13
		`list = [`,                           // 14
		`  # comment`,                        // 15
		`  "y",`,                             // 16
		`]`,                                  // 17
		`[b."c d".e]`,                        // 18
		`x.y = 1.5`,                          // 19
		`[b]`,                                // 20
		`z = 2026-01-01`,                     // 21
		`[[p]]`,                              // 22
		`v = 1`,                              // 23
		`[p.q]`,                              // 24
		`v = 2`,                              // 25
		`[[p]]`,                              // 26
		`v = 3`,                              // 27
	}, "\n")
	places := indexPlaces("f", []byte(text))
	got := map[string]string{}
	for index, p := range places {
		at := path(strings.Split(index, "\x00"))
		got[at.String()] = fmt.Sprintf("%d:%d %d:%d", p.key.Line, p.key.Column, p.value.Line, p.value.Column)
	}
	want := map[string]string{
		"top": "1:1 1:7", "a": "2:2 2:2", "a.s": "3:1 3:6", "a.l": "4:1 4:6", "a.b": "5:1 5:5", "a.i": "6:3 6:11",
		"a.n": "7:1 7:5", "a.n[0]": "7:5 7:8", "a.n[1]": "7:5 7:12", "a.n[2]": "7:5 7:5", "a.n[2][0]": "7:5 7:16",
		"a.t": "8:1 8:5", "a.t.k": "8:7 8:12", "a.t.q r": "8:16 8:25", "a.t.e": "8:29 8:29", "a.t.e.f": "8:31 8:33",
		"a.m": "9:1 10:1", "a.o": "12:1 12:8", "a.ü": "13:1 13:7", "a.ü.ö": "13:9 13:16",
		"a.list": "14:1 14:8", "a.list[0]": "14:8 16:4",
		"b": "20:2 20:2", "b.c d": "18:4 18:4", "b.c d.e": "18:10 18:10", "b.c d.e.x": "19:1 19:1", "b.c d.e.x.y": "19:3 19:7",
		"b.z": "21:1 21:5", "p": "26:3 26:3", "p[0]": "22:3 22:3", "p[0].v": "23:1 23:5", "p[0].q": "24:4 24:4",
		"p[0].q.v": "25:1 25:5", "p[1]": "26:3 26:3", "p[1].v": "27:1 27:5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestPlacesWithCarriageReturns(t *testing.T) {
	places := indexPlaces("f", []byte("[a]\r\nm = \"\"\"\r\nx\"\"\"\r\nn = 1\r\n"))
	if p := places[(path{"a", "m"}).index()].value; p.Line != 3 || p.Column != 1 {
		t.Errorf("a.m is at %s", p)
	}
	if p := places[(path{"a", "n"}).index()].value; p.Line != 4 || p.Column != 5 {
		t.Errorf("a.n is at %s", p)
	}
}
