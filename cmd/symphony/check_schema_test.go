package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// member is a record with indexes.
type member struct {
	Email string   `redis:"email,unique"`
	Age   int      `redis:"age,index,was=years"`
	Tags  []string `redis:"tags,index"`
}

// writeSchema writes the schema of T to a file.
func writeSchema[T any](t *testing.T, opts ...hashrepo.Option) string {
	t.Helper()
	schema, err := hashrepo.Describe[T](opts...)
	require.NoError(t, err)
	data, err := json.Marshal(schema)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "schema.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}

// members stores members of a tenant, with complete indexes.
func (s server) members(t *testing.T, tenant string, opts ...symphony.Option) *symphony.User[member] {
	t.Helper()
	members, err := symphony.NewUser[member](s.pools, tenant, opts...)
	require.NoError(t, err)
	require.NoError(t, members.Upsert(ctx, "u1", member{"ann@x", 30, []string{"a", "b"}}))
	require.NoError(t, members.Upsert(ctx, "u2", member{Email: "bob@x"}))
	for _, err := range members.Reindex(ctx) {
		require.NoError(t, err)
	}
	return members
}

func (s server) send(t *testing.T, a pool.Alias, args ...string) {
	t.Helper()
	require.NoError(t, pooltest.Do(t, s.pools, a, args...).Error())
}

// Each fault is one finding, which names the key and the remedy. Without the
// fault there is none.
func TestCheckSchema(t *testing.T) {
	s := durableServer(t)
	file := writeSchema[member](t)
	for name, test := range map[string]struct {
		check, key, text string
		spoil            []string
	}{
		"a value that does not decode":       {"value", "acme:user:u1", "HDEL", []string{"HSET", "acme:user:u1", "age", "many"}},
		"an unknown field":                   {"value", "acme:user:u2", `field "phone": unknown field`, []string{"HSET", "acme:user:u2", "phone", "1"}},
		"no lifetime":                        {"lifetime", "acme:user:u1", "EXPIRE", []string{"PERSIST", "acme:user:u1"}},
		"a record that was removed":          {"index", "acme:user:u2", "another program removed it", []string{"DEL", "acme:user:u2"}},
		"a record without an id in the list": {"index", "acme:user:u3", "%ids:{acme:user:}", []string{"HSET", "acme:user:u3", "tags", "[]"}},
		"a record that is not in an index":   {"index", "acme:user:u1", "%index:{acme:user:}:n-age", []string{"ZREM", "%index:{acme:user:}:n-age", ageText + "\x00u1"}},
		"an id that is not in the list":      {"index", "acme:user:gone", "there is no record", []string{"ZADD", "%index:{acme:user:}:t-email", "0", "x\x00gone"}},
		"a wrong type of an index":           {"type", "%index:{acme:user:}:t-tags", "Reindex", []string{"SET", "%index:{acme:user:}:t-tags", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.send(t, pool.User, "FLUSHDB")
			s.members(t, "acme")
			r := s.call("check", "-json", "-schema", "user="+file)
			require.Equal(t, exitOK, r.code, r)
			s.send(t, pool.User, test.spoil...)
			if strings.HasSuffix(test.key, "u3") {
				s.send(t, pool.User, "EXPIRE", test.key, "100")
			}
			if name == "a wrong type of an index" {
				r = s.call("check", "-json")
			} else {
				r = s.call("check", "-json", "-schema", "acme/user="+file)
			}
			require.Equal(t, exitProblem, r.code, r)
			require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
			require.Contains(t, r.out, fmt.Sprintf(`"check":%q,"pool":"user","key":%q`, test.check, test.key))
			require.Contains(t, strings.ReplaceAll(r.out, `\"`, `"`), test.text)
			require.Empty(t, r.err)
		})
	}
}

// ageText is the sort text of 30.
const ageText = "000000000000000000030"

// A record that another program changed has entries that are stale, and lacks
// those of its new value.
func TestCheckSchemaFindsStaleEntries(t *testing.T) {
	s := durableServer(t)
	s.members(t, "acme")
	file := writeSchema[member](t)
	s.send(t, pool.User, "HSET", "acme:user:u1", "email", "new@x")
	r := s.call("check", "-json", "-schema", "user="+file)
	require.Equal(t, exitProblem, r.code)
	require.Contains(t, r.out, "another program changed it")
	require.Contains(t, r.out, "is not in the index %index:{acme:user:}:t-email")
	require.Equal(t, 2, strings.Count(r.out, "\n"), r.out)
	s.members(t, "acme")
	require.Equal(t, exitOK, s.call("check", "-schema", "user="+file).code)
}

// What the library itself leaves for a while is no finding: entries of a record
// that has just expired, and a field with its old name.
func TestCheckSchemaAllows(t *testing.T) {
	s := durableServer(t)
	file := writeSchema[member](t)
	s.members(t, "acme")
	s.send(t, pool.User, "HSET", "acme:user:u2", "years", "0")
	s.send(t, pool.User, "HDEL", "acme:user:u2", "age")
	s.send(t, pool.User, "PEXPIRE", "acme:user:u1", "1")
	s.send(t, pool.User, "ZADD", "%checks:{acme:user:}", fmt.Sprint(time.Now().Add(-time.Minute).UnixMilli()), "u1")
	require.Eventually(t, func() bool {
		n, err := pooltest.Do(t, s.pools, pool.User, "EXISTS", "acme:user:u1").AsInt64()
		return err == nil && n == 0
	}, time.Minute, time.Millisecond)
	r := s.call("check", "-schema", "user="+file)
	require.Equal(t, exitOK, r.code, r.out)
	s.send(t, pool.User, "ZADD", "%checks:{acme:user:}", "1", "u1")
	r = s.call("check", "-schema", "user="+file)
	require.Equal(t, exitProblem, r.code, r.out)
	require.Contains(t, r.out, "run Sweep")
}

// A space that Reindex has not completed is one finding, however many records
// it has.
func TestCheckSchemaOfIncompleteIndex(t *testing.T) {
	s := durableServer(t)
	s.users(t, "acme", "u1", "u2", "u3")
	type named struct {
		Name string `redis:"name,index"`
		Age  int    `redis:"age"`
	}
	r := s.call("check", "-json", "-schema", "user="+writeSchema[named](t))
	require.Equal(t, exitProblem, r.code)
	require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
	require.Contains(t, r.out, "run Reindex once")
}

// The most special selector of a record counts.
func TestCheckSchemaSelectors(t *testing.T) {
	s := durableServer(t)
	s.users(t, "acme", "u1")
	s.users(t, "zoo", "u1")
	for _, name := range []string{"orders", "visits"} {
		rows, err := symphony.NewTable[profile](s.pools, "acme", name, symphony.NoTTL())
		require.NoError(t, err)
		require.NoError(t, rows.Upsert(ctx, "1", profile{"Ann", 30}))
	}
	states, err := symphony.NewStateHandler[profile](s.pools, "acme", "chat")
	require.NoError(t, err)
	_, err = states.Merge(ctx, "u1", hashrepo.FieldOf(func(p *profile) *string { return &p.Name }).Set("Ann"))
	require.NoError(t, err)
	good, other := writeSchema[profile](t), writeSchema[struct{ Other string }](t)
	forever := writeSchema[profile](t, hashrepo.NoTTL())
	count := func(flags ...string) int {
		r := s.call(append([]string{"check", "-json"}, flags...)...)
		require.LessOrEqual(t, r.code, exitProblem, r.err)
		return strings.Count(r.out, "\n")
	}
	require.Equal(t, 0, count("-schema", "user="+good, "-schema", "table="+forever, "-schema", "state="+good))
	require.Equal(t, 4, count("-schema", "user="+other))
	require.Equal(t, 2, count("-schema", "zoo/user="+other))
	require.Equal(t, 2, count("-schema", "user="+other, "-schema", "acme/user="+good))
	require.Equal(t, 2, count("-schema", "acme/user="+good, "-schema", "user="+other))
	require.Equal(t, 1, count("-schema", "table="+forever, "-schema", "table/orders="+good), "orders should expire")
	require.Equal(t, 1, count("-schema", "acme/table/visits="+good))
	require.Equal(t, 2, count("-schema", "user="+forever), "records that expire")
	for _, wrong := range []string{"user", "user=", "generic=" + good, "user/u1=" + good, "user=nothing.json", "=" + good, "user=check_schema_test.go"} {
		r := s.call("check", "-schema", wrong)
		require.Equal(t, exitUsage, r.code, wrong)
		require.Contains(t, r.err, "-schema")
	}
}

// A tenant whose repository has NoTTL beside tenants that have lifetimes is no
// finding. A mix within a tenant and kind is one, also if other kinds of the
// tenant have lifetimes.
func TestCheckLifetimesOfTenants(t *testing.T) {
	s := durableServer(t)
	s.users(t, "acme", "u1", "u2")
	for _, tenant := range []string{"forever", "acme"} {
		rows, err := symphony.NewTable[profile](s.pools, tenant, "rows", symphony.NoTTL())
		require.NoError(t, err)
		require.NoError(t, rows.Upsert(ctx, "1", profile{}))
		users, err := symphony.NewUser[profile](s.pools, "forever", symphony.NoTTL())
		require.NoError(t, err)
		require.NoError(t, users.Upsert(ctx, "u1", profile{}))
	}
	require.Equal(t, exitOK, s.call("check").code)
	s.users(t, "forever", "u2")
	r := s.call("check", "-json")
	require.Equal(t, exitProblem, r.code)
	require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
	require.Contains(t, r.out, "of 2 records forever/user/*, 1 have no lifetime")
}

// A claim without a lease, a lease that expired long ago, a queue that is not
// in the schedule and a firing without a lease are findings.
func TestCheckWork(t *testing.T) {
	for name, test := range map[string]struct {
		check, key, text string
		spoil            func(t *testing.T, s server)
	}{
		"a claim without a lease": {"claim", "%claim-abc:{acme:batch:mail:u1:send}", "LMOVE", func(t *testing.T, s server) {
			s.send(t, pool.Handlers, "RPUSH", "%claim-abc:{acme:batch:mail:u1:send}", "x")
		}},
		"an expired lease": {"claim", "%due:{acme:batch:mail:u1:send}", "1 claims have an expired lease", func(t *testing.T, s server) {
			headers, err := pooltest.Do(t, s.pools, pool.Handlers, "ZRANGE", "%due:{acme:batch:mail:u1:send}", "0", "-1").AsStrSlice()
			require.NoError(t, err)
			require.Len(t, headers, 1)
			s.send(t, pool.Handlers, "ZADD", "%due:{acme:batch:mail:u1:send}", "1", headers[0])
		}},
		"a queue that no worker knows": {"claim", "%due:{acme:batch:mail:u1:send}", "no worker delivers them again", func(t *testing.T, s server) {
			s.send(t, pool.Handlers, "DEL", "%queues:{pending_batches:mail}:acme")
		}},
		"a firing without a lease": {"firing", "%exp:status:remind", "|acme:EXPTRIGGER:remind:t1", func(t *testing.T, s server) {
			s.send(t, pool.Expiry, "DEL", "%exp:dead:remind")
		}},
		"a running firing without a lease": {"firing", "%exp:status:remind", "5|acme:EXPTRIGGER:remind:t2", func(t *testing.T, s server) {
			s.send(t, pool.Expiry, "HSET", "%exp:status:remind", "5|acme:EXPTRIGGER:remind:t2", "1 0 0 0+ ")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := durableServer(t)
			batch, q := s.enqueue(t, "acme", "u1", "a", "b")
			_, err := batch.Claim(ctx, q, 1, time.Hour)
			require.NoError(t, err)
			s.deadTriggers(t, "remind", [2]string{"acme", "t1"})
			require.Equal(t, exitOK, s.call("check").code)
			test.spoil(t, s)
			r := s.call("check", "-json")
			require.Equal(t, exitProblem, r.code, r)
			require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
			require.Contains(t, r.out, fmt.Sprintf(`"check":%q`, test.check))
			require.Contains(t, r.out, fmt.Sprintf(`"key":%q`, test.key))
			require.Contains(t, r.out, test.text)
		})
	}
}
