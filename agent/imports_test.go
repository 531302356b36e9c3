package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall-agent/rollcall/"

// comparing holds the rules of comparing texts: everybody may ask it, so that
// nobody has rules of their own (see text_test.go).
const comparing = "agent/internal/text"

// may lists, for each part of the tree, the packages of ours that it may
// import directly, with the reason. A part that is not listed may import
// nothing of ours. "/..." covers everything below.
var may = map[string]map[string]string{
	"agent": {
		"agent/internal/service":    "a command asks",
		"agent/internal/control":    "the agent that runs, or one in its own process",
		"agent/internal/runtime":    "which it opens, as it does the daemon",
		"agent/internal/config":     "by the configuration that it is given",
		"agent/internal/progress":   "and shows how far the work is",
		"agent/internal/exit":       "it ends with an exit code",
		"agent/internal/ident":      "what it prints is made of nouns: plans, operations, outcomes",
		"agent/internal/operation":  "and of how an operation reads",
		"agent/internal/check":      "rollcall validate needs no agent",
		"agent/internal/connector":  "nor does work on connectors' files",
		"agent/internal/consent":    "a person consents at the command's own machine",
		"agent/internal/completion": "a shell cannot wait for an agent",
		"agent/internal/planfile":   "plans are saved where the command runs",
		"agent/internal/tryout":     "and so are answers of endpoints",
		"agent/internal/localfile":  "it says as whom it looked at files",
		"agent/internal/expr":       "rollcall functions prints the reference",
		"agent/internal/convert":    "and macros of another product are texts",
		"agent/internal/suggest":    "it counts what a saved answer holds, for a proposal",
		"sdk/abi":                   "a manifest is printed",
	},
	"agent/internal/text":  {},
	"agent/internal/ident": {},
	"agent/internal/expr":  {"agent/internal/ident": "it escapes by the nouns' rules", "sdk/abi": "a number is spelled as a key is"},
	"agent/internal/mapping": {
		"agent/internal/ident": "a Record becomes a Desired",
		"agent/internal/expr":  "attributes are expressions",
	},
	"agent/internal/operation": {"agent/internal/ident": "an operation is one of the nouns"},
	"agent/internal/plan": {
		"agent/internal/ident":     "a Plan is made of nouns",
		"agent/internal/mapping":   "records are mapped while they are planned",
		"agent/internal/operation": "of operations, by what their classes mean",
		"sdk/abi":                  "a number is spelled as a key is",
	},
	"agent/internal/event":      {"agent/internal/ident": "images of nouns become events"},
	"agent/internal/statedir":   {},
	"agent/internal/store":      {"agent/internal/ident": "it keeps the nouns", "agent/internal/operation": "an intent says which links it is about to make", "agent/internal/event": "events commit with the mirror that shows them", "agent/internal/statedir": "its file may be unusable"},
	"agent/internal/localfile":  {"host/regular": "anything may lie where a file is named"},
	"agent/internal/secrets":    {"agent/internal/statedir": "the key's file may be unusable", "agent/internal/localfile": "a secret may be in a file"},
	"agent/internal/credential": {},
	"agent/internal/oauth":      {"agent/internal/credential": "what fetched credentials have in common"},
	"agent/internal/session": {
		"agent/internal/credential": "what fetched credentials have in common",
		"sdk/abi":                   "the manifest describes the login",
	},
	"agent/internal/config": {
		"agent/internal/ident":         "DNs and classes are checked at load",
		"agent/internal/expr":          "expressions are compiled at load",
		"agent/internal/mapping":       "mappings are compiled at load",
		"agent/internal/plan":          "the words of an automation are its words",
		"agent/internal/secrets":       "references are parsed at load",
		"agent/internal/endpoint":      "and so are the bodies of endpoints",
		"agent/internal/outbound":      "webhooks are compiled at load",
		"agent/internal/orchestration": "orchestrations are checked at load",
		"sdk/abi":                      "a webhook is the manifest's noun",
		"host/regular":                 "a file may be anything that lies there",
		"host/tomlbounds":              "and may hold what a parser takes hours for",
	},
	"agent/internal/directory/conn":   {"agent/internal/ident": "it answers with entries", "agent/internal/localfile": "it trusts the authorities of a file"},
	"agent/internal/directory/dctest": {"agent/internal/ident": "tests look entries up"},
	"agent/internal/directory/memory": {
		"agent/internal/ident":          "it holds entries",
		"agent/internal/directory/conn": "it answers as a connection does",
	},
	"agent/internal/directory/dirtest": {
		"agent/internal/ident":            "tests look entries up",
		"agent/internal/directory/conn":   "it connects to a domain controller",
		"agent/internal/directory/dctest": "one of the two directories that it compares",
		"agent/internal/directory/memory": "the other one",
		"host/soak":                       "at full size rules are tried at a domain controller too",
	},
	"agent/internal/directory/write": {
		"agent/internal/ident":          "it writes operations",
		"agent/internal/directory/conn": "over LDAP",
		"sdk/abi":                       "a number is spelled as a key is",
	},
	"agent/internal/directory/rights": {
		"agent/internal/ident":          "it reads entries",
		"agent/internal/directory/conn": "over LDAP",
	},
	"agent/internal/directory/find": {
		"agent/internal/ident":          "it finds entries",
		"agent/internal/directory/conn": "over LDAP",
	},
	"agent/internal/directory/mirror": {
		"agent/internal/ident":          "it keeps entries",
		"agent/internal/directory/conn": "read over LDAP",
		"agent/internal/store":          "it keeps them, and says how far the image is",
		"agent/internal/progress":       "a read of everything takes long",
	},
	"agent/internal/directory/feed": {
		"agent/internal/directory/conn":   "it watches one domain controller at a time, and goes on at another one",
		"agent/internal/directory/mirror": "how much a read has found says when the next one is due",
		"host/rescue":                     "a panic is a failure from which it recovers",
	},
	"agent/internal/outbound": {
		"agent/internal/expr": "a webhook's texts are templates",
		"sdk/abi":             "it renders a webhook into one",
	},
	"agent/internal/orchestration": {
		"agent/internal/expr":      "its conditions and texts are expressions",
		"agent/internal/ident":     "the object, its links and where it may be moved to",
		"agent/internal/operation": "what a directory step writes are operations",
		"agent/internal/outbound":  "a step may call a webhook, which is rendered there",
		"agent/internal/text":      "spellings that are probably meant",
		"sdk/abi":                  "a step may call a webhook, which is the manifest's noun",
	},
	"agent/internal/react": {
		"agent/internal/ident":         "an event is one of the nouns",
		"agent/internal/store":         "which keeps events, and what follows from them",
		"agent/internal/orchestration": "filters are evaluated, and orchestrations begin",
		"agent/internal/failpoint":     "tests kill it between two writes",
		"host/rescue":                  "one event must not stop the others",
	},
	"agent/internal/dispatch": {
		"agent/internal/orchestration": "it carries out what is decided there",
		"agent/internal/store":         "about instances and deliveries, which are kept there",
		"agent/internal/ident":         "for objects and their links",
		"agent/internal/failpoint":     "and must survive a kill at any moment",
		"host":                         "the answers and errors of connectors",
		"host/rescue":                  "a panic of one call ends no other",
		"sdk/abi":                      "a call is a webhook, which is the manifest's noun",
	},
	"agent/internal/command":       {},
	"agent/internal/mail/mailtest": {},
	"agent/internal/mail": {
		"agent/internal/localfile": "it trusts the authorities of a file",
		"sdk/abi":                  "which addresses are of this machine",
	},
	"agent/internal/macro": {
		"agent/internal/expr":     "what a connector renders are templates",
		"agent/internal/outbound": "as strict about missing values as those of a webhook",
		"sdk/abi":                 "the manifest says what it may render",
	},
	"agent/internal/suggest": {
		"agent/internal/ident": "it counts what records hold",
		"agent/internal/text":  "names are compared as everywhere",
		"sdk/abi":              "the manifest lists an endpoint's fields",
	},
	"agent/internal/convert": {
		"agent/internal/expr":     "what macros become are templates",
		"agent/internal/outbound": "among the names of a webhook",
		"agent/internal/ident":    "which attributes people use",
		"agent/internal/text":     "names are compared as everywhere",
	},
	"agent/internal/endpoint": {
		"agent/internal/outbound": "a body is rendered as that of a webhook",
		"agent/internal/expr":     "an endpoint's texts are templates",
		"agent/internal/ident":    "they may name how far earlier calls came",
		"sdk/abi":                 "over the manifest's definition",
	},
	"agent/internal/fit": {
		"agent/internal/config":        "the configuration is held",
		"sdk/abi":                      "against the manifest of a connector",
		"agent/internal/endpoint":      "an endpoint comes of it",
		"agent/internal/mapping":       "and a mapping",
		"agent/internal/expr":          "their texts are expressions and templates",
		"agent/internal/ident":         "what is written with a creation only is a word of the nouns",
		"agent/internal/plan":          "the words of an automation are its words",
		"agent/internal/outbound":      "a webhook comes of it",
		"agent/internal/orchestration": "and an orchestration",
		"agent/internal/macro":         "templates may use the macros of the manifest",
	},
	"agent/internal/check": {
		"agent/internal/macro":            "a connector renders templates while it checks",
		"agent/internal/config":           "it checks a configuration",
		"agent/internal/fit":              "against the manifests",
		"host":                            "of the connectors that a host finds",
		"host/rescue":                     "a panic of one check is a finding of that one",
		"sdk/abi":                         "a finding is the answer of a connector",
		"agent/internal/source":           "an error of a connector has a next step",
		"agent/internal/directory/conn":   "it asks the directory",
		"agent/internal/directory/mirror": "which attributes it knows",
		"agent/internal/directory/rights": "and what the account may do there",
		"agent/internal/plan":             "whether anchors are in use for something else",
		"agent/internal/mapping":          "what must be unique in the forest",
		"agent/internal/ident":            "of entries",
		"agent/internal/secrets":          "it resolves secrets that are nearby",
		"agent/internal/oauth":            "an authorization ends that nothing uses",
		"agent/internal/receiver":         "it refuses passwords of the receiver that can be guessed",
		"agent/internal/localfile":        "files may be readable for one user only",
		"agent/internal/statedir":         "the owner of the state folder runs the agent",
		"agent/internal/exit":             "what is wrong is the caller's to correct",
	},
	"agent/internal/connector": {
		"host":                    "it asks the host what it makes of a file",
		"host/regular":            "anything may lie where a file is named",
		"sdk/abi":                 "a manifest's expressions are checked when it is built",
		"agent/internal/expr":     "by compiling them",
		"agent/internal/outbound": "and its webhooks",
		"agent/internal/macro":    "and its macros",
		"agent/internal/fit":      "where requests may go depends on what fits",
		"agent/internal/config":   "in the configuration",
		"agent/internal/endpoint": "and its requests for a single record",
	},
	"agent/internal/consent": {
		"agent/internal/oauth": "the question to the person, and how its answer is told from others",
		"sdk/abi":              "which addresses are of this machine",
	},
	"agent/internal/planfile": {
		"agent/internal/ident": "a file holds a plan",
		"agent/internal/exit":  "a path that is none for a plan is the caller's to correct",
	},
	"agent/internal/tryout": {
		"agent/internal/ident": "a file holds records",
		"agent/internal/exit":  "a path that is none for an answer is the caller's to correct",
	},
	"agent/internal/completion": {
		"agent/internal/config":    "names stand in the configuration",
		"agent/internal/store":     "and in the state",
		"agent/internal/connector": "and in the modules folder",
		"agent/internal/expr":      "functions are names too",
		"agent/internal/ident":     "and so are classes of operations",
		"sdk/abi":                  "a manifest lists endpoints and webhooks",
	},
	"agent/internal/source": {
		"agent/internal/ident":    "it delivers records",
		"agent/internal/endpoint": "of one endpoint",
		"agent/internal/macro":    "whose templates it renders during the call",
		"host":                    "fetched by connectors",
		"sdk/abi":                 "by endpoint definitions",
	},
	"agent/internal/apply": {
		"agent/internal/ident":           "outcomes and links are nouns",
		"agent/internal/operation":       "what an operation leaves behind, and how to see it",
		"agent/internal/store":           "an intent and an outcome are rows of it",
		"agent/internal/directory/conn":  "what became of a write is read from one DC",
		"agent/internal/directory/write": "it sorts the errors of a write, and makes the first password",
		"agent/internal/failpoint":       "tests kill it at each step",
		"agent/internal/progress":        "a run tells how far it is",
		"host/rescue":                    "a panic ends one operation, not the others",
	},
	"agent/internal/dirstep": {
		"agent/internal/dispatch":         "it carries out steps of one kind",
		"agent/internal/orchestration":    "of which that says what is to be written",
		"agent/internal/apply":            "it writes through it",
		"agent/internal/ident":            "operations and outcomes are nouns",
		"agent/internal/operation":        "and how they read",
		"agent/internal/plan":             "limits are as those of a run",
		"agent/internal/store":            "it counts there what was done",
		"agent/internal/directory/conn":   "one connection a step",
		"agent/internal/directory/mirror": "what the schema accepts",
		"agent/internal/directory/write":  "it gives apply its writer",
	},
	"agent/internal/subscription": {"agent/internal/store": "it remembers what was registered"},
	"agent/internal/engine": {
		"agent/internal/orchestration":    "a run may begin orchestrations, for objects in a filter",
		"agent/internal/apply":            "it writes through it",
		"agent/internal/ident":            "a run is made of nouns",
		"agent/internal/operation":        "of operations",
		"agent/internal/plan":             "it plans",
		"agent/internal/mapping":          "by a mapping of the moment",
		"agent/internal/store":            "it remembers",
		"agent/internal/directory/conn":   "one connection a run, pinned to one DC",
		"agent/internal/directory/mirror": "it brings the mirror up to date",
		"agent/internal/directory/write":  "it gives apply its writer, and asks who is protected",
		"agent/internal/failpoint":        "tests kill it at each step",
		"agent/internal/progress":         "a run tells how far it is",
		"host/rescue":                     "a panic ends one run, not the others",
		"sdk/abi":                         "a number is spelled as a key is",
	},
	"agent/internal/receiver": {
		"agent/internal/store": "it keeps what came in the state, and is told that a run is under way",
		"agent/internal/ident": "a run is for keys",
		"sdk/abi":              "the manifest describes what comes",
		"host/rescue":          "a panic ends one request or one run, not the others",
	},
	"agent/internal/failpoint": {},
	"host/rescue":              {},
	"agent/internal/schedule":  {"host/rescue": "a panic of one automation is a failure of that one"},
	"agent/internal/metrics":   {},
	"agent/internal/notify":    {},
	"agent/internal/progress":  {},
	"agent/internal/exit":      {},
	"agent/internal/runtime": {
		"agent/internal/config":           "a snapshot is of a configuration",
		"agent/internal/fit":              "held against the manifests of connectors",
		"agent/internal/outbound":         "a value that is missing in a webhook has its own advice",
		"agent/internal/engine":           "an engine runs what comes of it",
		"agent/internal/plan":             "by the settings of its automations",
		"agent/internal/source":           "over the endpoints of applications",
		"agent/internal/receiver":         "some of which tell of changes by themselves",
		"agent/internal/ident":            "limits are of classes of operations",
		"agent/internal/store":            "it opens the state",
		"agent/internal/statedir":         "under the lock of its folder",
		"agent/internal/secrets":          "and the secrets in it",
		"agent/internal/localfile":        "whose files it reads as some user",
		"agent/internal/credential":       "it makes the credentials of an application",
		"agent/internal/oauth":            "which may be tokens",
		"agent/internal/session":          "or a login",
		"agent/internal/directory/conn":   "it connects to the directory",
		"agent/internal/directory/mirror": "and says what is mirrored of it",
		"agent/internal/directory/write":  "and what may be written",
		"agent/internal/directory/feed":   "and what has changed is seen at once",
		"agent/internal/directory/find":   "a person names an object",
		"agent/internal/schedule":         "the daemon runs what is due",
		"agent/internal/react":            "begins them after changes in the directory",
		"agent/internal/dispatch":         "and carries orchestrations out",
		"agent/internal/tryout":           "an endpoint is tried",
		"agent/internal/subscription":     "lets applications tell of changes",
		"agent/internal/macro":            "whose connectors render templates",
		"agent/internal/dirstep":          "by writing to the directory",
		"agent/internal/apply":            "where nobody else writes to the same object meanwhile",
		"agent/internal/mail":             "by mails",
		"agent/internal/command":          "and by programs that the configuration allows",
		"agent/internal/orchestration":    "which follow the changes of its automations",
		"agent/internal/metrics":          "and serves the metrics",
		"agent/internal/notify":           "and tells the service manager",
		"agent/internal/progress":         "commands wait for its start",
		"agent/internal/exit":             "what a file gets wrong is the caller's mistake",
		"host":                            "it loads the connectors",
		"host/rescue":                     "a panic over one of them concerns that one",
		"sdk/abi":                         "whose manifests say what they need",
	},
	"agent/internal/service": {
		"agent/internal/directory/find": "somebody names an object of the directory",
		"agent/internal/macro":          "somebody asks what may stand in a template",
		"agent/internal/suggest":        "somebody asks for a proposal",
		"agent/internal/fit":            "which kinds of links an application can have",
		"agent/internal/runtime":        "it answers for an agent",
		"agent/internal/engine":         "whose engine does what is asked",
		"agent/internal/react":          "changes in the directory are told in words",
		"agent/internal/store":          "and whose state tells the rest",
		"agent/internal/ident":          "answers are made of nouns",
		"agent/internal/config":         "names are those of the configuration",
		"agent/internal/exit":           "what a caller gets wrong is marked",
		"agent/internal/connector":      "connectors are listed as files",
		"agent/internal/secrets":        "secrets are stored",
		"agent/internal/tryout":         "endpoints are tried",
		"agent/internal/mapping":        "and so are mappings, whose way to each value is told",
		"agent/internal/expr":           "with the values of the parts of expressions",
		"agent/internal/oauth":          "a consent becomes tokens",
		"agent/internal/check":          "what accounts may do is checked elsewhere",
		"agent/internal/orchestration":  "a person lets an orchestration go on",
		"agent/internal/subscription":   "and an application tell of changes",
		"sdk/abi":                       "a manifest says where somebody consents",
	},
	"agent/internal/control": {
		"agent/internal/service":   "it carries what can be asked of an agent",
		"agent/internal/ident":     "answers are made of nouns",
		"agent/internal/connector": "and of connectors as files",
		"agent/internal/exit":      "an error crosses with the exit code of the command",
		"agent/internal/progress":  "answers tell how far they are",
		"agent/internal/statedir":  "the socket is one of its files",
		"host/rescue":              "a panic fails one call",
	},
	"host":                        {"sdk/abi": "host and sdk share the wire types", "host/internal/...": "its own parts", "host/rescue": "a panic over one file concerns that one", "host/regular": "a module may be anything that lies there", "host/tomlbounds": "and its manifest may hold what a parser takes hours for"},
	"host/internal":               {"sdk/abi": "host and sdk share the wire types", "host/internal/...": "its own parts", "host/regular": "a file of the cache may be anything that lies there"},
	"host/regular":                {},
	"host/soak":                   {},
	"host/tomlbounds":             {},
	"sdk/abi":                     {},
	"sdk":                         {"sdk/abi": "host and sdk share the wire types"},
	"sdk/sdktest":                 {"sdk": "it runs a connector natively", "sdk/abi": "with the host's types"},
	"plugins/pipedrive":           {"sdk": "a connector imports the sdk and nothing else", "sdk/abi": "its wire types"},
	"plugins/infobip":             {"sdk": "a connector imports the sdk and nothing else", "sdk/abi": "its wire types"},
	"plugins/infobip/sim":         {"plugins/internal/simkit": "what simulators have in common"},
	"plugins/infobip/sim/cmd":     {"plugins/infobip/sim": "it serves the simulator", "plugins/internal/simkit": "on a loopback address"},
	"plugins/internal/simtest":    {},
	"plugins/internal/simkit":     {},
	"plugins/internal/plugintest": {"host": "tests load a connector into the real host", "host/testdata/kept": "which they keep compiled", "sdk/abi": "and fetch its endpoints"},
	"plugins/pipedrive/sim":       {"plugins/internal/simkit": "what simulators have in common"},
	"plugins/pipedrive/sim/cmd":   {"plugins/pipedrive/sim": "it serves the simulator", "plugins/internal/simkit": "on a loopback address"},
}

// pure lists packages that decide and therefore must not import I/O.
var pure = []string{
	"agent/internal/ident", "agent/internal/expr", "agent/internal/mapping", "agent/internal/outbound", "agent/internal/orchestration", "agent/internal/plan",
	"agent/internal/endpoint", "agent/internal/fit", "agent/internal/operation", comparing,
}

var effects = map[string]string{
	"net": "network", "net/http": "network", "os": "files and environment", "os/exec": "processes",
	"database/sql": "a database", "log/slog": "logging is the caller's", "syscall": "the system",
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportDirections(t *testing.T) {
	for _, p := range packages(t) {
		part := strings.TrimPrefix(p.ImportPath, module)
		allowed, reasons := allowedFor(part)
		for _, i := range p.Imports {
			target, ours := strings.CutPrefix(i, module)
			if ours && !covers(allowed, target) && (target != comparing || part == comparing) {
				t.Errorf("%s imports %s; it may import only %s", part, target, reasons)
			}
		}
	}
}

func TestDecisionsDoNoIO(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range pure {
			if p.ImportPath != module+name {
				continue
			}
			for _, i := range p.Imports {
				if why, bad := effects[i]; bad {
					t.Errorf("%s imports %s (%s): it decides, and leaves that to its caller", name, i, why)
				}
			}
		}
	}
}

// allowedFor finds the longest listed part that covers the package.
func allowedFor(part string) (map[string]string, []string) {
	for name := part; name != "."; {
		if listed, ok := may[name]; ok {
			var reasons []string
			for p, why := range listed {
				reasons = append(reasons, p+" ("+why+")")
			}
			return listed, reasons
		}
		cut := strings.LastIndex(name, "/")
		if cut < 0 {
			break
		}
		name = name[:cut]
	}
	return nil, []string{"nothing of ours: it is not listed in imports_test.go"}
}

func covers(allowed map[string]string, target string) bool {
	for p := range allowed {
		if prefix, tree := strings.CutSuffix(p, "..."); p == target || tree && strings.HasPrefix(target, prefix) {
			return true
		}
	}
	return false
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		all = append(all, p)
	}
}

// The folders at the top are for good: what is new goes into one of them.
func TestTheTopLevelStaysAsItIs(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"agent", "bin", "configs", "docs", "host", "plugins", "scripts", "sdk"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(known, e.Name()) {
			t.Errorf("%s is a new folder at the top", e.Name())
		}
	}
}
