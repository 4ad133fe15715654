package keyspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/keyspace"
)

func python(source string) (keyspace.Pattern, error) { return keyspace.CompilePython(source) }

func ambiguous(source string) (keyspace.Pattern, error) {
	return keyspace.CompilePython(source, keyspace.AllowAmbiguous)
}

// A space makes the same keys as its pattern, and ID returns the ID that Key
// was called with.
func TestSpaceAgreesWithItsPattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compile := rapid.SampledFrom([]func(string) (keyspace.Pattern, error){
			keyspace.Compile, python, ambiguous,
		}).Draw(t, "compile")
		p := must(compile(drawTemplate(t)))
		parts := drawParts(t, p, "part")
		free := rapid.IntRange(0, len(parts)-1).Draw(t, "free")
		id := parts[free]
		bound := append([]string(nil), parts...)
		bound[free] = keyspace.Any

		want, wantErr := p.Key(parts...)
		s, err := p.Bind(bound...)
		if err != nil {
			require.ErrorIs(t, err, keyspace.ErrInvalidKey)
			require.Error(t, wantErr)
			return
		}
		key, err := s.Key(id)
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, key)
		if err != nil {
			require.Equal(t, wantErr.Error(), err.Error())
			return
		}
		got, ok := s.ID(key)
		require.True(t, ok, "%s does not accept its key %q", s, key)
		if !p.IsPython() {
			require.Equal(t, id, got)
		}
		again, err := s.Key(got)
		require.NoError(t, err)
		require.Equal(t, key, again)
		require.True(t, globMatch(s.Glob(), key), "%q does not match %q", s.Glob(), key)
		require.Equal(t, p.Glob(bound...), s.Glob())
		requireParts(t, s)
		requireSlots(t, s)

		at := rapid.IntRange(0, len(key)).Draw(t, "at")
		text := key[:at] + rapid.SampledFrom(pieces).Draw(t, "piece") + key[at:]
		if got, ok := s.ID(text); ok {
			again, err := s.Key(got)
			require.NoError(t, err)
			require.Equal(t, text, again)
			require.True(t, globMatch(s.Glob(), text))
		}
	})
}

// requireParts checks that Parts returns the text around the free part.
func requireParts(t require.TestingT, s keyspace.Space) {
	prefix, suffix := s.Parts()
	key, err := s.Key("u1")
	require.NoError(t, err)
	require.Equal(t, prefix+"u1"+suffix, key)
}

// requireSlots checks that OneSlot reports whether different IDs, with braces
// where the space accepts them, have keys in one slot.
func requireSlots(t require.TestingT, s keyspace.Space) {
	slots, braces := map[int]bool{}, 0
	for _, id := range []string{"a", "b", "c", "d", "}x", "}y", "{x}", "{y}", "{z}z"} {
		key, err := s.Key(id)
		if err != nil {
			require.ErrorContains(t, err, "brace")
			continue
		}
		slots[clusterSlot(key)] = true
		if len(id) > 1 {
			braces++
		}
	}
	require.Equal(t, len(slots) == 1, s.OneSlot(), "%s has keys in the slots %v", s, slots)
	require.Equal(t, braces == 0, s.ForCluster(), "%s", s)
}

func TestSpacesOfACluster(t *testing.T) {
	spread, byTenant, one := keyspace.Cluster(), keyspace.ClusterByTenant(), keyspace.Default()
	for _, tc := range []struct {
		space               keyspace.Space
		prefix, suffix      string
		oneSlot, forCluster bool
	}{
		{keyspace.Space{}, "", "", false, false},
		{bind(one.User, "acme"), "acme:user:", "", false, false},
		{bind(spread.User, "acme"), "acme:user:", "", false, true},
		{bind(byTenant.User, "acme"), "{acme}:user:", "", true, true},
		{bind(byTenant.State, "acme", "chat"), "{acme}:state:chat:", "", true, true},
		{bind(byTenant.Table, "acme", keyspace.Any, "7"), "{acme}:df:", ":pkid:7", true, true},
		{bind(byTenant.SharedState, "acme", keyspace.Any, "u1"), "{acme}:SS:", ":u1", true, true},
		{bind(byTenant.Generic, "acme"), "{acme}:", "", true, true},
		{bind(byTenant.User, keyspace.Any, "u1"), "{", "}:user:u1", false, true},
		{bind(byTenant.PendingSet), "pending_batches:{", "}", false, true},
		{bind(byTenant.BatchList, "acme", "mail", "order"), "acme:batch:{mail}:order:", "", true, true},
		{bind(byTenant.BatchList, keyspace.Any, "mail", "order", "send"), "", ":batch:{mail}:order:send", true, true},
		{bind(byTenant.Trigger, "acme", "s3", "send"), "acme{s3}:EXPTRIGGER:send:", "", true, true},
		{bind(byTenant.Trigger, "acme", keyspace.Any, "send", "1"), "acme{", "}:EXPTRIGGER:send:1", false, true},
		// A part with braces in another pattern.
		{bind(one.User, "{acme}"), "{acme}:user:", "", true, false},
		{bind(one.User, "{acme"), "{acme:user:", "", false, false},
		{bind(one.User, "{}{acme}"), "{}{acme}:user:", "", false, false},
		{bind(one.User, "}acme"), "}acme:user:", "", false, false},
		{bind(one.User, keyspace.Any, "{u1}"), "", ":user:{u1}", false, false},
	} {
		prefix, suffix := tc.space.Parts()
		require.Equal(t, []string{tc.prefix, tc.suffix}, []string{prefix, suffix})
		require.Equal(t, tc.oneSlot, tc.space.OneSlot(), "%s", tc.space)
		require.Equal(t, tc.forCluster, tc.space.ForCluster(), "%s", tc.space)
		if tc.space != (keyspace.Space{}) {
			requireParts(t, tc.space)
			requireSlots(t, tc.space)
		}
	}
}

func TestBind(t *testing.T) {
	l := keyspace.Default()
	const free = keyspace.Any
	for _, tc := range []struct {
		pattern keyspace.Pattern
		parts   []string
		space   string
		key     string // of the ID "i:1"
	}{
		{l.User, []string{"acme"}, "acme:user:{id}", "acme:user:i:1"},
		{l.User, []string{"acme", free}, "acme:user:{id}", "acme:user:i:1"},
		{l.User, []string{free, "u1"}, "{tenant}:user:u1", "i%3A1:user:u1"},
		{l.SharedState, []string{"acme", free, "u1"}, "acme:SS:{state}:u1", "acme:SS:i%3A1:u1"},
		{l.SharedState, []string{"acme", free, "u:%"}, "acme:SS:{state}:u:%", "acme:SS:i%3A1:u:%"},
		{l.SharedState, []string{"a:c", "chat"}, "a%3Ac:SS:chat:{user}", "a%3Ac:SS:chat:i:1"},
		{l.PendingSet, nil, "pending_batches:{service}", "pending_batches:i%3A1"},
		{keyspace.Cluster().PendingSet, nil, "pending_batches:{{service}}", "pending_batches:{i%3A1}"},
		{keyspace.Cluster().Trigger, []string{"acme", "s3", "send"}, "acme{s3}:EXPTRIGGER:send:{id}", "acme{s3}:EXPTRIGGER:send:i:1"},
	} {
		s, err := tc.pattern.Bind(tc.parts...)
		require.NoError(t, err, tc.space)
		require.Equal(t, tc.space, s.String())
		key, err := s.Key("i:1")
		require.NoError(t, err)
		require.Equal(t, tc.key, key)
		id, ok := s.ID(key)
		require.True(t, ok)
		require.Equal(t, "i:1", id)
	}
}

func TestBindErrors(t *testing.T) {
	l := keyspace.Default()
	const free = keyspace.Any
	for _, tc := range []struct {
		pattern keyspace.Pattern
		parts   []string
		message string
	}{
		{l.User, []string{"acme", "u1"}, "no part"},
		{l.User, []string{free, free}, "{tenant} and {id}"},
		{l.User, []string{free}, "both free"},
		{l.State, []string{"acme", free}, "{name} and {user}"},
		{l.State, []string{"acme"}, "is 1; pass 3: tenant, name, user, with keyspace.Any in place of the ID"},
		{l.State, []string{"a", "b", "c", "d"}, "is 4; pass 3"},
		{l.User, []string{""}, "the tenant is empty"},
		{l.User, []string{"a\x00"}, "NUL"},
		{l.User, []string{free, ""}, "the id is empty"},
		{keyspace.Cluster().User, []string{"a{b"}, "brace"},
		{keyspace.Python().User, []string{"%lease"}, "reserved for the library"},
		{keyspace.Pattern{}, []string{"a"}, "Compile"},
	} {
		s, err := tc.pattern.Bind(tc.parts...)
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		require.ErrorContains(t, err, tc.message)
		require.Zero(t, s)
	}
}

func TestBindDoesNotChangeItsArguments(t *testing.T) {
	parts := append(make([]string, 0, 2), "acme")
	_, err := keyspace.Default().User.Bind(parts...)
	require.NoError(t, err)
	require.Empty(t, parts[:2][1])
}

func TestSpaceRejectsKeysOfOthers(t *testing.T) {
	l := keyspace.Default()
	for _, tc := range []struct {
		space keyspace.Space
		keys  []string
	}{
		{bind(l.SharedState, "acme", keyspace.Any, "u1"), []string{
			"acme:SS:a:b:u1", "acme:SS:a:u2", "acme:SS::u1", "acme:SS:u1", "acme:SS:a%3ab:u1", "acme:SS:%:u1", "xacme:SS:a:u1",
		}},
		{bind(l.User, "acme"), []string{"acme:user:", "acme:users:u", "acme:user", "b:acme:user:u", "", "acme:user:\x00"}},
		{bind(l.User, keyspace.Any, "u1"), []string{"a:b:user:u1", ":user:u1", "%lease:user:u1", "user:u1"}},
		{bind(keyspace.Cluster().User, "acme"), []string{"acme:user:{u}"}},
		{bind(keyspace.Python().Trigger, "acme", "send"), []string{"acme:EXPTRIGGER:send:a:b"}},
		{bind(keyspace.MustCompile("{id}")), []string{"%lease:x", ""}},
		{bind(keyspace.MustCompile("aa:{id}:aa")), []string{"aa:aa", "aa::aa"}},
		{keyspace.Space{}, []string{"", "a"}},
	} {
		for _, key := range tc.keys {
			id, ok := tc.space.ID(key)
			require.False(t, ok, "%s accepted %q as %q", tc.space, key, id)
			require.Empty(t, id)
		}
	}
	id, ok := bind(lenient.State, "t", "a").ID("t:state:a:b:u")
	require.True(t, ok)
	require.Equal(t, "b:u", id)
}

func TestSpaceKeyErrors(t *testing.T) {
	for _, tc := range []struct {
		space       keyspace.Space
		id, message string
	}{
		{keyspace.Space{}, "u", "Pattern.Bind"},
		{bind(keyspace.Default().User, "acme"), "", "invalid key: the id is empty; give it a value"},
		{bind(keyspace.Default().User, "acme"), "a\x00", "NUL"},
		{bind(keyspace.Default().User, "acme"), keyspace.Any, "Any"},
		{bind(keyspace.Cluster().User, "acme"), "}", "brace"},
		{bind(keyspace.MustCompile("{id}")), "%lease:x", "reserved for the library"},
	} {
		key, err := tc.space.Key(tc.id)
		require.Empty(t, key)
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		require.ErrorContains(t, err, tc.message)
	}
	require.Empty(t, keyspace.Space{}.String())
}

func TestSpacesCompare(t *testing.T) {
	a, b := keyspace.MustCompile("{t}:x:{id}"), keyspace.MustCompile("{t}:x:{id}")
	require.True(t, bind(a, "acme") == bind(b, "acme"))
	require.False(t, bind(a, "acme") == bind(a, "other"))
}

func TestSpaceAllocations(t *testing.T) {
	s := bind(keyspace.Default().SharedState, "acme", keyspace.Any, "u1")
	require.Equal(t, 1.0, testing.AllocsPerRun(100, func() { _, _ = s.Key("conversation") }))
	require.Equal(t, 0.0, testing.AllocsPerRun(100, func() { s.ID("acme:SS:conversation:u1") }))
}

func bind(p keyspace.Pattern, parts ...string) keyspace.Space {
	s, err := p.Bind(parts...)
	if err != nil {
		panic(err)
	}
	return s
}

// A Space knows the tenant that it was bound to, however it is escaped.
func TestTenantOfSpace(t *testing.T) {
	for _, test := range []struct {
		template string
		parts    []string
		want     string
	}{
		{"{tenant}:user:{id}", []string{"acme"}, "acme"},
		{"{tenant}:user:{id}", []string{"a:b%c"}, "a:b%c"},
		{"{tenant}:state:{name}:{user}", []string{"a:b", "x:y"}, "a:b"},
		{"x:{name}:{tenant}:{id}", []string{"n%:", "a:b"}, "a:b"},
		{"x:{name}:{tenant}:{id}", []string{keyspace.Any, "a:b", "i"}, "a:b"},
		{"{name}:{tenant}", []string{keyspace.Any, "a:b"}, "a:b"},
		{"{{tenant}}:user:{id}", []string{"acme"}, "acme"},
		{"{tenant}{{shard}}:x:{id}", []string{"acme", "s1"}, "acme"},
		{"{tenant}:user:{id}", []string{keyspace.Any, "u"}, ""},
		{"settings:{name}", nil, ""},
		{"{owner}:user:{id}", []string{"acme"}, ""},
	} {
		s, err := keyspace.MustCompile(test.template).Bind(test.parts...)
		require.NoError(t, err)
		require.Equal(t, test.want, s.Tenant(), "%s %q", test.template, test.parts)
	}
	require.Empty(t, keyspace.Space{}.Tenant())
	s, err := keyspace.Python().User.Bind("acme")
	require.NoError(t, err)
	require.Equal(t, "acme", s.Tenant())
}
