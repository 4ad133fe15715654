package architecture

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const (
	module    = "github.com/symphony-go/symphony"
	rueidis   = "github.com/redis/rueidis"
	msgpack   = "github.com/vmihailenco/msgpack/v5"
	miniredis = "github.com/alicebob/miniredis/v2"
	gopherLua = "github.com/yuin/gopher-lua"

	anything = "anything"
	public   = "anything public" // except the internal packages of this module
)

// rule lists the packages that a package may import in addition to the standard
// library. The paths of this module are relative to its root. A * matches one
// path element, or a part of it.
type rule struct {
	pkg     string
	imports []string
	reason  string // why other imports are not allowed
}

// rules are tried in order. The first that matches a package applies.
var rules = []rule{
	{".", []string{"hashrepo", "kvrepo", "listrepo", "expiry", "keyspace", "codec", "pool", "scope", "internal", "internal/*"},
		"the domain repositories are thin: a Redis command belongs to the primitive that they are built on"},
	{"hashrepo", []string{"internal", "internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive is built on keys, values and connections, and is independent of the other primitives and of the root"},
	{"kvrepo", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive is built on keys, values and connections, and is independent of the other primitives and of the root"},
	{"listrepo", []string{"internal", "internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive is built on keys, values and connections, and is independent of the other primitives and of the root"},
	{"expiry", []string{"internal", "internal/*", "keyspace", "codec", "pool", "scope", rueidis, "github.com/netresearch/go-cron"},
		"triggers have their own data in Redis, and need no repository; scope carries the tenant to a handler"},
	{"pool/otel", []string{public, "go.opentelemetry.io/*"},
		"an observer uses what the observer of any program can use"},
	{"pool", []string{"internal", "internal/nearcache", "internal/operation", "internal/retry", "internal/acl", "internal/rights", "internal/duration", "internal/similar", "keyspace", rueidis},
		"a pool sends commands and is independent of the records in them"},
	{"pool/embedded", []string{"internal/acl", "internal/testclock", "pool", "testing", miniredis, gopherLua, rueidis},
		"only programs that import it are linked with the in-process server"},
	{"keyspace", []string{"internal/queuekey", "internal/rights", "internal/spacekey"},
		"keys are text: to build or parse one takes no server"},
	{"codec", []string{"internal", "internal/fields", "internal/seal", msgpack},
		"a codec encodes values without keys and connections, and can be used and tested alone"},
	{"scope", []string{"keyspace"},
		"the identity of a request is known before there is a connection"},
	{"internal/architecture", nil,
		"it reads source files, and calls none of the code"},
	{"internal", nil,
		"it marks functions of every package"},
	{"internal/duration", nil,
		"it converts durations, and needs no other package"},
	{"internal/sorttext", nil,
		"it looks at Go values only, and needs no other package"},
	{"internal/retry", []string{"internal/duration"},
		"pool is built on it, and would import its imports too"},
	{"internal/operation", nil,
		"pool is built on it, and would import its imports too"},
	{"internal/fields", nil,
		"codec is built on it, and would import its imports too"},
	{"internal/seal", nil,
		"codec is built on it, and would import its imports too"},
	{"internal/testclock", []string{"internal"},
		"what waits for the time of a server is built on it"},
	{"internal/rights", []string{"internal/queuekey", "internal/spacekey"},
		"keyspace and pool are built on it, and would import its imports too"},
	{"internal/queuekey", nil,
		"keyspace is built on it, and would import its imports too"},
	{"internal/spacekey", nil,
		"keyspace is built on it, and would import its imports too"},
	{"internal/similar", nil,
		"it compares names, whatever they stand for"},
	{"internal/recent", nil,
		"it remembers texts, whatever they stand for"},
	{"internal/nearcache", []string{rueidis},
		"pool is built on it; its callers tell it how to read a record"},
	{"internal/acl", []string{rueidis},
		"pool is built on it; it reads the errors of the server"},
	{"internal/*test", []string{anything},
		"only tests import it"},
	{"internal/*", []string{"internal", "internal/*", "keyspace", "codec", "pool", rueidis},
		"the repositories and the root are built on it"},
	{"examples/*", []string{public},
		"an example may only use packages that its reader can import"},
	{"cmd/symphony", []string{public},
		"the program shows that its work can be done with the functions that users call"},
	{"cmd/symphony/*", []string{public},
		"the program shows that its work can be done with the functions that users call"},
	{"bench", []string{public},
		"a benchmark measures the functions that users call"},
	{"bench/*", []string{public},
		"a benchmark measures the functions that users call"},
}

// onlyInTests lists the packages that only tests may import. Otherwise users
// would download and compile them.
var onlyInTests = []string{
	"testing", "testing/*", "net/http/httptest", "internal/*test", "github.com/stretchr/testify", "pgregory.net/rapid",
}

// vagueNames lists package names that do not describe the content.
var vagueNames = []string{"base", "common", "helper", "helpers", "misc", "util", "utils"}

func TestImports(t *testing.T) {
	files := goFiles(t, root(t))
	require.Greater(t, len(files), 10, "the repository was not found")
	for _, violation := range violations(files) {
		t.Error(violation)
	}
}

// violations returns a message for each violation of the rules.
func violations(files []file) []string {
	var all []string
	for _, f := range files {
		dir := path.Dir(f.name)
		if slices.Contains(vagueNames, path.Base(dir)) || slices.Contains(vagueNames, f.pkg) {
			all = append(all, fmt.Sprintf("%s: the package name %s does not describe its content; choose one that does", f.name, f.pkg))
		}
		if f.isTest() {
			continue
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return matches(r.pkg, dir) })
		if i < 0 {
			all = append(all, f.name+": the package has no rule; add one to internal/architecture/imports_test.go, "+
				"with the packages that it may import and the reason")
			continue
		}
		for _, imported := range f.imports() {
			if reason := rules[i].forbids(imported); reason != "" {
				all = append(all, fmt.Sprintf("%s must not import %s: %s", f.name, imported, reason))
			}
		}
	}
	return all
}

// forbids returns the reason why the rule's package may not import a package,
// or "" if it may.
func (r rule) forbids(imported string) string {
	inModule := imported == module || strings.HasPrefix(imported, module+"/")
	if inModule {
		imported = path.Clean("./" + strings.TrimPrefix(imported, module))
	}
	isImported := func(pattern string) bool { return matches(pattern, imported) }
	standard := !inModule && !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case slices.Contains(r.imports, anything):
		return ""
	case slices.ContainsFunc(onlyInTests, isImported) && !slices.Contains(r.imports, imported):
		return "only tests may import it"
	case standard, slices.ContainsFunc(r.imports, isImported):
		return ""
	case slices.Contains(r.imports, public) && !strings.HasPrefix(imported+"/", "internal/") && !isImported(miniredis):
		return ""
	}
	return r.reason
}

// matches reports whether a package matches a pattern. The pattern of another
// module also matches the packages below it.
func matches(pattern, pkg string) bool {
	if ok, err := path.Match(pattern, pkg); err != nil || ok {
		return err == nil
	}
	return strings.Contains(pattern, ".") && pattern != "." && strings.HasPrefix(pkg, pattern+"/")
}

func TestViolations(t *testing.T) {
	for _, test := range []struct{ name, source, message string }{
		{"keyspace/a.go", `import "github.com/redis/rueidis"`, "keys are text"},
		{"keyspace/a.go", `import "strings"`, ""},
		{"keyspace/a.go", `import "testing"`, "only tests may import it"},
		{"keyspace/a_test.go", `import "testing"`, ""},
		{"codec/a.go", `import "github.com/vmihailenco/msgpack/v5/msgpcode"`, ""},
		{"codec/a.go", `import "github.com/vmihailenco/msgpack/v5evil"`, "without keys"},
		{"codec/a.go", `import "github.com/symphony-go/symphony/internal/fields"`, ""},
		{"codec/a.go", `import "github.com/symphony-go/symphony/internal/store"`, "without keys"},
		{"internal/fields/a.go", `import "github.com/symphony-go/symphony/codec"`, "codec is built on it"},
		{"internal/store/a.go", `import "github.com/symphony-go/symphony"`, "are built on it"},
		{"internal/store/a.go", `import "github.com/symphony-go/symphony/internal/redistest"`, "only tests may import it"},
		{"internal/pooltest/a.go", `import "github.com/symphony-go/symphony/internal/redistest"`, ""},
		{"hashrepo/a.go", `import "github.com/symphony-go/symphony/kvrepo"`, "the other primitives"},
		{"hashrepo/a.go", `import "github.com/stretchr/testify/require"`, "only tests may import it"},
		{"a.go", `import "github.com/redis/rueidis"`, "the domain repositories are thin"},
		{"a.go", `import "github.com/symphony-go/symphony/hashrepo"`, ""},
		{"pool/a.go", `import "github.com/alicebob/miniredis/v2"`, "a pool sends commands"},
		{"pool/embedded/a.go", `import "github.com/alicebob/miniredis/v2/server"`, ""},
		{"examples/shop/a.go", `import "github.com/symphony-go/symphony"`, ""},
		{"examples/shop/a.go", `import "github.com/symphony-go/symphony/internal/store"`, "its reader can import"},
		{"examples/shop/a.go", `import "github.com/symphony-go/symphony/internal"`, "its reader can import"},
		{"examples/shop/a.go", `import "github.com/alicebob/miniredis/v2"`, "its reader can import"},
		{"scope/a.go", `import "github.com/symphony-go/symphony/pool"`, "before there is a connection"},
		{"metrics/a.go", ``, "the package has no rule"},
		{"internal/util/a.go", ``, "does not describe"},
	} {
		t.Run(test.name+" "+test.source, func(t *testing.T) {
			source := "package " + path.Base(path.Dir("x/"+test.name)) + "\n" + test.source
			found := violations(goFiles(t, fstest.MapFS{test.name: {Data: []byte(source)}}))
			if test.message == "" {
				require.Empty(t, found)
			} else {
				require.Len(t, found, 1)
				require.Contains(t, found[0], test.message)
			}
		})
	}
}

func TestEveryRuleHasAReason(t *testing.T) {
	for _, r := range rules {
		require.NotEmpty(t, r.reason, r.pkg)
	}
}
