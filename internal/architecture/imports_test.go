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

	anything = "anything"
	public   = "anything public" // all but our own internal packages
)

// rule says what a package may import beside the standard library. Folders are
// relative to the module's root; * stands for one element or a part of it.
type rule struct {
	pkg     string
	imports []string
	because string
}

// rules are tried in order; the first that fits a package counts.
var rules = []rule{
	{".", []string{"hashrepo", "kvrepo", "listrepo", "expiry", "keyspace", "codec", "pool", "scope", "internal/*"},
		"the domains are thin: a command for Redis belongs to the primitive that they stand on"},
	{"hashrepo", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive stands on keys, bytes and connections, and knows neither its sisters nor the domains above it"},
	{"kvrepo", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive stands on keys, bytes and connections, and knows neither its sisters nor the domains above it"},
	{"listrepo", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"a primitive stands on keys, bytes and connections, and knows neither its sisters nor the domains above it"},
	{"expiry", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"triggers have structures of their own in Redis, and need no repository"},
	{"pool", []string{"internal/caller", "internal/nearcache", "internal/acl", "keyspace", rueidis},
		"a pool moves bytes: what they mean is the business of those above it"},
	{"pool/embedded", []string{"pool", miniredis, rueidis},
		"only who asks for the in-process server gets one linked into the program"},
	{"keyspace", nil,
		"keys are text: who builds or reads one needs no server, and no other package"},
	{"codec", []string{"internal/fields", msgpack},
		"values become bytes without keys and connections, so a codec can be used and tested alone"},
	{"scope", []string{"keyspace"},
		"what a request carries is known before any connection is"},
	{"internal/architecture", nil,
		"it reads source, and uses none of it"},
	{"internal/caller", nil,
		"it marks functions of every package"},
	{"internal/fields", nil,
		"codec is built on it, and whatever it imports codec would import too"},
	{"internal/nearcache", []string{rueidis},
		"pool is built on it; what a record is, and how one is read, it is told"},
	{"internal/acl", []string{rueidis},
		"pool is built on it; it reads what the server said"},
	{"internal/*test", []string{anything},
		"only tests use it"},
	{"internal/*", []string{"internal/*", "keyspace", "codec", "pool", rueidis},
		"the repositories and the root are built on it"},
	{"examples/*", []string{public},
		"an example uses what its reader can use"},
	{"bench", []string{public},
		"what is measured is what users call"},
	{"bench/*", []string{public},
		"what is measured is what users call"},
}

// onlyInTests are imports that would take the tools of tests to the users.
var onlyInTests = []string{
	"testing", "testing/*", "net/http/httptest", "internal/*test", "github.com/stretchr/testify", "pgregory.net/rapid",
}

// saysNothing are the names of packages that hold whatever found no home.
var saysNothing = []string{"base", "common", "helper", "helpers", "misc", "util", "utils"}

func TestImports(t *testing.T) {
	files := goFiles(t, root(t))
	require.Greater(t, len(files), 10, "the repository was not found")
	for _, complaint := range complaints(files) {
		t.Error(complaint)
	}
}

// complaints are all breaches of the rules.
func complaints(files []file) []string {
	var all []string
	for _, f := range files {
		dir := path.Dir(f.name)
		if slices.Contains(saysNothing, path.Base(dir)) || slices.Contains(saysNothing, f.pkg) {
			all = append(all, fmt.Sprintf("%s: the name of a package says what it holds, and %s does not", f.name, f.pkg))
		}
		if f.isTest() {
			continue
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return matches(r.pkg, dir) })
		if i < 0 {
			all = append(all, f.name+": the package has no rule; add one to internal/architecture/imports_test.go: "+
				"what it may import, and why nothing else")
			continue
		}
		for _, imported := range f.imports() {
			if why := rules[i].against(imported); why != "" {
				all = append(all, fmt.Sprintf("%s imports %s: %s", f.name, imported, why))
			}
		}
	}
	return all
}

// against is the reason why the rule's package may not import another.
func (r rule) against(imported string) string {
	own := imported == module || strings.HasPrefix(imported, module+"/")
	if own {
		imported = path.Clean("./" + strings.TrimPrefix(imported, module))
	}
	allows := func(pattern string) bool { return matches(pattern, imported) }
	standard := !own && !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case slices.Contains(r.imports, anything):
		return ""
	case slices.ContainsFunc(onlyInTests, allows):
		return "only tests may"
	case standard, slices.ContainsFunc(r.imports, allows):
		return ""
	case slices.Contains(r.imports, public) && !strings.HasPrefix(imported, "internal/") && !allows(miniredis):
		return ""
	}
	return r.because
}

// matches reports whether a package is the pattern's, or lies below it in a
// module of others.
func matches(pattern, pkg string) bool {
	if ok, err := path.Match(pattern, pkg); err != nil || ok {
		return err == nil
	}
	return strings.Contains(pattern, ".") && pattern != "." && strings.HasPrefix(pkg, pattern+"/")
}

func TestComplaints(t *testing.T) {
	for _, test := range []struct{ name, source, says string }{
		{"keyspace/a.go", `import "github.com/redis/rueidis"`, "keys are text"},
		{"keyspace/a.go", `import "strings"`, ""},
		{"keyspace/a.go", `import "testing"`, "only tests may"},
		{"keyspace/a_test.go", `import "testing"`, ""},
		{"codec/a.go", `import "github.com/vmihailenco/msgpack/v5/msgpcode"`, ""},
		{"codec/a.go", `import "github.com/vmihailenco/msgpack/v5evil"`, "without keys"},
		{"codec/a.go", `import "github.com/symphony-go/symphony/internal/fields"`, ""},
		{"codec/a.go", `import "github.com/symphony-go/symphony/internal/store"`, "without keys"},
		{"internal/fields/a.go", `import "github.com/symphony-go/symphony/codec"`, "codec is built on it"},
		{"internal/store/a.go", `import "github.com/symphony-go/symphony"`, "are built on it"},
		{"internal/store/a.go", `import "github.com/symphony-go/symphony/internal/redistest"`, "only tests may"},
		{"internal/pooltest/a.go", `import "github.com/symphony-go/symphony/internal/redistest"`, ""},
		{"hashrepo/a.go", `import "github.com/symphony-go/symphony/kvrepo"`, "its sisters"},
		{"hashrepo/a.go", `import "github.com/stretchr/testify/require"`, "only tests may"},
		{"a.go", `import "github.com/redis/rueidis"`, "the domains are thin"},
		{"a.go", `import "github.com/symphony-go/symphony/hashrepo"`, ""},
		{"pool/a.go", `import "github.com/alicebob/miniredis/v2"`, "a pool moves bytes"},
		{"pool/embedded/a.go", `import "github.com/alicebob/miniredis/v2/server"`, ""},
		{"examples/shop/a.go", `import "github.com/symphony-go/symphony"`, ""},
		{"examples/shop/a.go", `import "github.com/symphony-go/symphony/internal/store"`, "its reader can use"},
		{"examples/shop/a.go", `import "github.com/alicebob/miniredis/v2"`, "its reader can use"},
		{"scope/a.go", `import "github.com/symphony-go/symphony/pool"`, "before any connection"},
		{"metrics/a.go", ``, "the package has no rule"},
		{"internal/util/a.go", ``, "does not"},
	} {
		t.Run(test.name+" "+test.source, func(t *testing.T) {
			source := "package " + path.Base(path.Dir("x/"+test.name)) + "\n" + test.source
			found := complaints(goFiles(t, fstest.MapFS{test.name: {Data: []byte(source)}}))
			if test.says == "" {
				require.Empty(t, found)
			} else {
				require.Len(t, found, 1)
				require.Contains(t, found[0], test.says)
			}
		})
	}
}

func TestEveryRuleHasAReason(t *testing.T) {
	for _, r := range rules {
		require.NotEmpty(t, r.because, r.pkg)
	}
}
