package expr

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agext/levenshtein"
	exprlang "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
)

// predicates lists the built-in functions of the language that rollcall keeps:
// they evaluate an expression for each element, which # stands for.
var predicates = map[string]bool{
	"all": true, "any": true, "none": true, "one": true,
	"filter": true, "map": true, "find": true, "findLast": true,
}

// parse checks the syntax, names, argument counts and types of src.
func (s Scope) parse(src Source) (ast.Node, error) {
	if len(src.Text) > MaxExpression {
		return nil, src.errorAt(0, "the expression is longer than 8 KiB", "")
	}
	if strings.TrimSpace(src.Text) == "" {
		return nil, src.errorAt(0, "the expression is empty", "")
	}
	config := s.config()
	tree, err := parser.ParseWithConfig(src.Text, config)
	if err != nil {
		return nil, s.translate(src, err)
	}
	v := &normalizer{src: src, scope: s}
	ast.Walk(&tree.Node, v)
	if v.err != nil {
		return nil, v.err
	}
	if errs := s.check(src, tree.Node, nil, false); len(errs) > 0 {
		return nil, errs[0]
	}
	if _, err := new(checker.Checker).Check(tree, config); err != nil {
		return nil, s.translate(src, err)
	}
	return tree.Node, nil
}

// language is what the scopes have in common. It is made once, as that takes longer
// than to compile an expression, and only read.
var language = sync.OnceValue(func() conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	exprlang.DisableAllBuiltins()(c)
	for name := range c.Disabled {
		if !predicates[name] {
			delete(c.Builtins, name)
		}
	}
	for name, f := range functionsByName() {
		exprlang.Function(name, neverCalled, f.types...)(c)
	}
	return *c
})

// config describes the scope to the parser and the checker, which keep what they find
// out in it.
func (s Scope) config() *conf.Config {
	c := language()
	env := types.Map{}
	for name := range s.names {
		env[name] = s.typeOf(name)
	}
	exprlang.Env(env)(&c)
	return &c
}

// neverCalled stands in for every function while types are checked.
func neverCalled(...any) (any, error) { return nil, errors.New("not evaluated here") }

func (s Scope) typeOf(name string) types.Type {
	switch name {
	case "now":
		return types.TypeOf(time.Time{})
	case "last_success":
		return types.Any
	case "password":
		return types.String
	}
	m := types.Map{}
	members, closed := s.members[name]
	for _, member := range members {
		m[member] = types.Any
	}
	if !closed {
		m[types.Extra] = types.Any
	}
	return m
}

// normalizer turns null into nil and refuses the parts of the language that
// rollcall does not support.
type normalizer struct {
	src   Source
	scope Scope
	err   error
}

func (v *normalizer) refuse(n ast.Node, message, hint string) {
	if v.err == nil {
		v.err = v.src.errorAt(n.Location().From, message, hint)
	}
}

// Visit implements ast.Visitor.
func (v *normalizer) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "null" {
			ast.Patch(node, &ast.NilNode{})
		} else if n.Value == "$env" {
			v.refuse(n, "unknown name $env", "")
		}
	case *ast.BytesNode:
		v.refuse(n, "bytes are not supported", "use a text")
	case *ast.BuiltinNode:
		if !predicates[n.Name] {
			v.refuse(n, n.Name+" is not available", v.scope.nearest(n.Name))
		}
	case *ast.CallNode:
		if _, ok := n.Callee.(*ast.IdentifierNode); !ok {
			v.refuse(n, "values have no methods", "use a function: rollcall functions lists them")
		}
	case *ast.BinaryNode: // before the checker compiles the pattern, however large it is
		if p, ok := n.Right.(*ast.StringNode); ok && n.Operator == "matches" {
			if _, err := compilePattern(p.Value); err != nil {
				v.refuse(n.Right, err.Error(), "")
			}
		}
	}
}

// These patterns match the errors of the checker and the parser that translate
// explains.
var (
	unknownName   = regexp.MustCompile(`^unknown name (\S+)`)
	unknownField  = regexp.MustCompile(`^(?:unknown field|type \S+ has no field) (\S+)`)
	unexpectedEnd = regexp.MustCompile(`^unexpected token EOF`)
)

// translate adds to an error of the parser or the checker its place in the file,
// and what was probably meant.
func (s Scope) translate(src Source, err error) error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		return src.errorAt(0, err.Error(), "")
	}
	message, hint := plainTypes.Replace(strings.TrimSpace(fe.Message)), ""
	if m := unknownName.FindStringSubmatch(message); m != nil {
		hint = s.unknown(m[1], rest(src.Text, fe.To))
	} else if m := unknownField.FindStringSubmatch(message); m != nil {
		if why, ok := s.absentMacro(before(src.Text, fe.From), m[1]); ok {
			return src.errorAt(fe.From, why, "")
		}
		hint = didYouMean(m[1], s.allMembers())
		if known := s.members["endpoints"]; strings.HasSuffix(before(src.Text, fe.From), "endpoints.") && known != nil {
			message, hint = "the data source has no endpoint "+m[1], "it has: "+strings.Join(known, ", ")
		}
	} else if m, ok := s.nearMiss(src.Text, fe.From, message); ok {
		return src.errorAt(m.at, m.message, m.hint)
	} else if unexpectedEnd.MatchString(message) {
		message = "unexpected end of the expression"
	}
	return src.errorAt(fe.From, unexpected.ReplaceAllString(message, `unexpected "$1"`), hint)
}

// plainTypes replaces Go's names of types by plain words.
var plainTypes = strings.NewReplacer("map[string]interface {}", "object", "[]interface {}", "list",
	"interface {}", "any", "time.Time", "time")

// rest returns the text after the character at offset, without leading white
// space.
func rest(text string, offset int) string {
	runes := []rune(text)
	return strings.TrimSpace(string(runes[min(offset, len(runes)):]))
}

// before returns the text before the character at offset.
func before(text string, offset int) string {
	runes := []rune(text)
	return string(runes[:min(offset, len(runes))])
}

func (s Scope) allMembers() []string {
	var all []string
	for _, m := range s.members {
		all = append(all, m...)
	}
	return all
}

// nearest returns a hint with the most similar name or function.
func (s Scope) nearest(name string) string {
	var known []string
	for n := range s.names {
		known = append(known, n)
	}
	for n := range s.lib.functions {
		known = append(known, n)
	}
	for n := range predicates {
		known = append(known, n)
	}
	return didYouMean(name, known)
}

// didYouMean returns a hint with the most similar candidate; "" when none is
// similar.
func didYouMean(name string, candidates []string) string {
	best, distance := "", 2
	if len(name) > 3 {
		distance = 1 + max(2, len(name)/3)
	}
	for _, c := range candidates {
		d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(c), nil)
		if d < distance || d == distance && best != "" && c < best {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return `did you mean "` + best + `"?`
}

// maxMessage bounds the message of an error, in bytes: it may quote a value.
const maxMessage = 1000

// errorAt returns an error about the character at offset (in characters) of src.
func (src Source) errorAt(offset int, message, hint string) error {
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage/4], "") + " ... (" + strconv.Itoa(len(message)) + " bytes)"
	}
	return &Error{Pos: src.posAt(offset), Message: message, Hint: hint}
}

func (src Source) posAt(offset int) Pos {
	prefix := []rune(src.Text)
	return src.Pos.After(string(prefix[:min(max(offset, 0), len(prefix))]))
}
