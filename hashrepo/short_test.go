package hashrepo_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Tally is a record with counters of several ranges.
type Tally struct {
	N     int64  `redis:"n"`
	Small int8   `redis:"small"`
	Big   uint64 `redis:"big"`
	Note  string `redis:"note"`
}

var (
	tallyN     = hashrepo.NumberOf(func(t *Tally) *int64 { return &t.N })
	tallySmall = hashrepo.NumberOf(func(t *Tally) *int8 { return &t.Small })
	tallyBig   = hashrepo.NumberOf(func(t *Tally) *uint64 { return &t.Big })
	tallyNote  = hashrepo.FieldOf(func(t *Tally) *string { return &t.Note })
)

// A short script does what update.lua does, which runs with KeepTTL. If it
// fails, it changes nothing, and the record keeps its lifetime.
func TestShortScriptsMatchUpdate(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		short, key := newRepo[Tally](t, p)
		full := short.With(hashrepo.KeepTTL())
		rapid.Check(t, func(rt *rapid.T) {
			for _, id := range []string{"short", "full"} {
				require.NoError(rt, pooltest.Do(t, p, pool.User, "DEL", key+id).Error())
			}
			stored := map[string]string{}
			switch rapid.SampledFrom([]string{"fields", "fields", "reserved field", "no record"}).Draw(rt, "stored") {
			case "fields":
				for _, name := range []string{"n", "small", "big"} {
					stored[name] = rapid.SampledFrom(counterTexts).Draw(rt, name)
				}
				maps.DeleteFunc(stored, func(_, text string) bool { return text == "" })
			case "reserved field":
				stored["_"] = ""
			}
			for _, id := range []string{"short", "full"} {
				for name, text := range stored {
					require.NoError(rt, pooltest.Do(t, p, pool.User, "HSET", key+id, name, text).Error())
					require.NoError(rt, pooltest.Do(t, p, pool.User, "PEXPIRE", key+id, "500000").Error())
				}
			}

			call := tallyCall(rt)
			gotSum, err := call(short, "short")
			wantSum, wantErr := call(full, "full")
			require.Equal(rt, wantSum, gotSum)
			require.Equal(rt, pooltest.Hash(t, p, pool.User, key+"full"), pooltest.Hash(t, p, pool.User, key+"short"))
			left, errLeft := pooltest.Do(t, p, pool.User, "PTTL", key+"short").ToInt64()
			require.NoError(rt, errLeft)
			if wantErr == nil {
				require.NoError(rt, err)
				require.Greater(rt, left, int64(500_000))
				return
			}
			require.EqualError(rt, err, strings.Replace(wantErr.Error(), "full", "short", 1))
			if len(stored) > 0 && strings.Contains(err.Error(), "nothing was changed") {
				require.LessOrEqual(rt, left, int64(500_000))
			}
		})
	})
}

// counterTexts are texts of integer fields, the limits of what HINCRBY and Lua
// can represent, and texts that are none. The field is absent for "".
var counterTexts = []string{
	"", "0", "1", "7", "-7", "126", "127", "-128", "9007199254740990", "9007199254740992", "-9007199254740992", "9223372036854775807",
	"-9223372036854775808", "9223372036854775808", "18446744073709551615", "-9223372036854775809", "-0", "007", "+7", " 7", "7.0", "x",
}

// tallyCall draws a call that adds to a counter, and returns its result.
func tallyCall(rt *rapid.T) func(*hashrepo.HashRepo[Tally], string) (string, error) {
	switch rapid.SampledFrom([]string{"n", "small", "big"}).Draw(rt, "counter") {
	case "n":
		return addCall(rt, tallyN, []int64{0, 1, -1, 1 << 53, -1 << 53, 1<<63 - 1, -1 << 63})
	case "small":
		return addCall(rt, tallySmall, []int8{0, 1, -1, 100, -128, 127})
	default:
		return addCall(rt, tallyBig, []uint64{0, 1, 1<<53 - 1, 1 << 53, 1 << 63, 1<<64 - 1})
	}
}

func addCall[N hashrepo.Numeric](rt *rapid.T, number hashrepo.Number[Tally, N], numbers []N) func(*hashrepo.HashRepo[Tally], string) (string, error) {
	draw := rapid.SampledFrom(numbers)
	addition := number.Add(draw.Draw(rt, "by"))
	if rapid.Bool().Draw(rt, "has least") {
		addition = addition.AtLeast(draw.Draw(rt, "least"))
	}
	if rapid.Bool().Draw(rt, "has greatest") {
		addition = addition.AtMost(draw.Draw(rt, "greatest"))
	}
	patches := []hashrepo.Patch[Tally]{addition}
	if rapid.Bool().Draw(rt, "set") {
		patches = append(patches, tallyNote.Set("set"))
	}
	way := rapid.SampledFrom([]string{"Update", "Merge", "Apply"}).Draw(rt, "way")
	return func(repo *hashrepo.HashRepo[Tally], id string) (string, error) {
		switch way {
		case "Update":
			return "", repo.Update(ctx, id, patches...)
		case "Merge":
			v, err := repo.Merge(ctx, id, patches...)
			return v.Note + strconv.FormatInt(v.N, 10), err
		default:
			sum, err := addition.Apply(ctx, repo, id)
			return fmt.Sprint(sum), err
		}
	}
}

// The frequent changes run a short script, with few commands.
func TestFrequentChangesRunFewCommands(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[Tally](t, p)
	require.NoError(t, repo.Upsert(ctx, "t", Tally{}))
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"Upsert", func() error { return repo.Upsert(ctx, "t", Tally{Note: "x"}) }, "hset pexpire"},
		{"Upsert of a large value", func() error { return repo.Upsert(ctx, "t", Tally{Note: strings.Repeat("x", 1<<10)}) }, "eval exec hset multi pexpire type"},
		{"UpsertMany", func() error {
			return repo.UpsertMany(ctx, hashrepo.Record[Tally]{ID: "t", Value: Tally{Note: "x"}}, hashrepo.Record[Tally]{ID: "t", Value: Tally{Note: strings.Repeat("x", 1<<10)}})
		}, "hset*2 pexpire*2"},
		{"Set", func() error { return repo.Update(ctx, "t", tallyNote.Set("x")) }, "hset pexpire"},
		{"Add", func() error { return repo.Update(ctx, "t", tallyN.Add(5)) }, "hincrby pexpire"},
		{"Set and Add", func() error { return repo.Update(ctx, "t", tallyNote.Set("x"), tallyN.Add(5)) }, "hincrby hset pexpire"},
		{"Add to a narrow type", func() error { return repo.Update(ctx, "t", tallySmall.Add(5)) }, "hincrby pexpire"},
		{"Add to an unsigned type", func() error { return repo.Update(ctx, "t", tallyBig.Add(5)) }, "hincrby pexpire"},
		{"Add with bounds", func() error { return repo.Update(ctx, "t", tallyN.Add(-5).AtLeast(0)) }, "hget hincrby pexpire"},
		{"IncrementField", func() error { _, err := repo.IncrementField(ctx, "t", "n", 5); return err }, "hincrby pexpire"},
		{"Merge", func() error { _, err := repo.Merge(ctx, "t", tallyNote.Set("y"), tallyN.Add(5)); return err }, "exec hincrby hmget hset multi pexpire"},
		{"Merge, Set", func() error { _, err := repo.Merge(ctx, "t", tallyNote.Set("z")); return err }, "exec hmget hset multi pexpire"},
		{"Mutate", func() error {
			_, err := repo.Mutate(ctx, "t", func(v *Tally) error { v.Small++; return nil })
			return err
		}, "hmget*2 hset pexpire"},
		{"Mutate with KeepTTL and IfExists", func() error {
			_, err := repo.With(hashrepo.KeepTTL(), hashrepo.IfExists()).Mutate(ctx, "t", func(v *Tally) error { v.Small++; return nil })
			return err
		}, "hmget*2 hset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.call()) // loads the script
			before := pooltest.CommandCalls(t, p, pool.User)
			require.NoError(t, c.call())
			var ran []string
			for name, n := range pooltest.CommandCalls(t, p, pool.User) {
				switch n -= before[name]; {
				case name == "evalsha" || n == 0:
				case n == 1:
					ran = append(ran, name)
				default:
					ran = append(ran, name+"*"+strconv.FormatInt(n, 10))
				}
			}
			slices.Sort(ran)
			require.Equal(t, c.want, strings.Join(ran, " "))
		})
	}
}

// Each Merge returns the record as it was right after its own change.
func TestMergeReturnsItsOwnChange(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Tally](t, p)
		const callers, each = 8, 50
		var mu sync.Mutex
		seen := map[int64]bool{}
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				for range each {
					v, err := repo.Merge(ctx, "t", tallyN.Add(1), tallyNote.Set("x"))
					mu.Lock()
					if err == nil {
						seen[v.N] = true
					}
					mu.Unlock()
				}
			})
		}
		done.Wait()
		require.Len(t, seen, callers*each)
	})
}

// A server that has lost its scripts runs a Merge once.
func TestMergeAfterScriptFlush(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[Tally](t, p)
	for i := range int64(3) {
		require.NoError(t, pooltest.Do(t, p, pool.User, "SCRIPT", "FLUSH").Error())
		v, err := repo.Merge(ctx, "t", tallyN.Add(1))
		require.NoError(t, err)
		require.Equal(t, Tally{N: i + 1}, v)
	}
}

// Odd has names that a script must quote.
type Odd struct {
	A *string `redis:"it's"`
	B *string `redis:"a\\b"`
	C *string `redis:"ü\x01"`
	N int     `redis:"n"`
}

// Mutate finds every change of the fields that it has read, also if the texts
// contain the bytes that separate them in the script.
func TestMutateComparesTexts(t *testing.T) {
	every := make([]byte, ' ')
	for i := range every {
		every[i] = byte(i)
	}
	texts := []*string{nil}
	for _, text := range []string{"", "\x00", "a", string(every)} {
		texts = append(texts, &text)
	}
	var all []Odd
	for _, a := range texts {
		for _, b := range texts {
			all = append(all, Odd{A: a, B: b})
		}
	}
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // the script is the same on a cluster
		repo, key := newRepo[Odd](t, p)
		for i, before := range all {
			for j, meanwhile := range all {
				require.NoError(t, repo.Replace(ctx, "o", before))
				attempts := 0
				got, err := repo.Mutate(ctx, "o", func(v *Odd) error {
					if attempts++; attempts == 1 {
						require.NoError(t, repo.Upsert(ctx, "o", meanwhile))
					}
					v.N++
					return nil
				})
				require.NoError(t, err)
				want := meanwhile
				want.N = 1
				require.Equal(t, want, got)
				require.Equal(t, i != j, attempts == 2, "%q to %q", before, meanwhile)
				require.Equal(t, "1", pooltest.Hash(t, p, pool.User, key+"o")["n"])
			}
		}
	})
}

// A sum that the numbers of Lua cannot represent is returned exactly.
func TestSumsBeyondLua(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Tally](t, p)
		for _, stored := range []int64{1<<53 - 1, 1 << 53, 1<<62 + 1, -1 << 53, -1<<53 - 2} {
			require.NoError(t, repo.Upsert(ctx, "t", Tally{N: stored}))
			sum, err := tallyN.Increment(ctx, repo, "t", 1)
			require.NoError(t, err)
			require.Equal(t, stored+1, sum)
		}
	})
}

// Counted is a record with a version.
type Counted struct {
	Name    string `redis:"name"`
	Version int64  `redis:"v,version"`
}

// Mutate stores the version after the one that it read, and refuses a version
// that is no number or cannot be incremented.
func TestMutateIncrementsTheVersion(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Counted](t, p)
		for _, c := range []struct {
			stored, want string
			err          bool
		}{
			{"", "1", false}, {"0", "1", false}, {"41", "42", false}, {"-3", "-2", false}, {"9223372036854775806", "9223372036854775807", false},
			{"9223372036854775807", "9223372036854775807", true}, {"007", "007", true}, {"x", "x", true},
		} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"c").Error())
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"c", "name", "before").Error())
			if c.stored != "" {
				require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"c", "v", c.stored).Error())
			}
			got, err := repo.Mutate(ctx, "c", func(v *Counted) error { v.Name = "after"; return nil })
			require.Equal(t, c.err, err != nil, "%v", err)
			hash := pooltest.Hash(t, p, pool.User, key+"c")
			require.Equal(t, c.want, hash["v"])
			require.Equal(t, map[bool]string{false: "after", true: "before"}[c.err], hash["name"])
			if err == nil {
				require.Equal(t, c.want, strconv.FormatInt(got.Version, 10))
			}
		}
	})
}

// The embedded server refuses HINCRBY if Redis does, also in a script of a
// transaction.
func TestEmbeddedIncrementsLikeRedis(t *testing.T) {
	const inScript = "return redis.call('HINCRBY', KEYS[1], 'f', ARGV[1])"
	outcomes := func(t *testing.T, p *pool.Pools) (all []string) {
		for _, text := range counterTexts {
			for _, by := range []string{"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "x"} {
				for _, command := range [][]string{{"HINCRBY", "k", "f", by}, {"EVAL", inScript, "1", "k", by}} {
					c, err := p.Client(pool.User)
					require.NoError(t, err)
					require.NoError(t, c.Do(ctx, c.B().Del().Key("k").Build()).Error())
					if text != "" {
						require.NoError(t, c.Do(ctx, c.B().Hset().Key("k").FieldValue().FieldValue("f", text).Build()).Error())
					}
					increment := c.B().Arbitrary(command...).Build()
					var sum int64
					if command[0] == "EVAL" {
						replies, execErr := c.DoMulti(ctx, c.B().Multi().Build(), increment, c.B().Exec().Build())[2].ToArray()
						require.NoError(t, execErr)
						sum, err = replies[0].AsInt64()
					} else {
						sum, err = c.Do(ctx, increment).AsInt64()
					}
					outcome := "refused"
					if refused, ok := rueidis.IsRedisErr(err); !ok {
						require.NoError(t, err)
						outcome = strconv.FormatInt(sum, 10)
					} else if command[0] != "EVAL" {
						outcome = refused.Error()
					}
					stored, _ := c.Do(ctx, c.B().Hget().Key("k").Field("f").Build()).ToString()
					all = append(all, strings.Join([]string{cmp.Or(text, "absent"), by, outcome, stored}, " "))
				}
			}
		}
		return all
	}
	require.Equal(t, outcomes(t, pooltest.Redis(t, pool.Config{})), outcomes(t, pooltest.Embedded(t)))
}

// A write that is refused because the key has another type changes neither its
// value nor its lifetime, whether it is a short script or a transaction.
func TestRefusedWritesKeepTheLifetime(t *testing.T) {
	large := strings.Repeat("x", 1<<10)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Tally](t, p)
		for name, write := range map[string]func() error{
			"Upsert":            func() error { return repo.Upsert(ctx, "t", Tally{}) },
			"Upsert, large":     func() error { return repo.Upsert(ctx, "t", Tally{Note: large}) },
			"Upsert, permanent": func() error { return repo.With(hashrepo.NoTTL()).Upsert(ctx, "t", Tally{}) },
			"UpsertMany":        func() error { return repo.UpsertMany(ctx, hashrepo.Record[Tally]{ID: "t"}) },
			"Set":               func() error { return repo.Update(ctx, "t", tallyNote.Set("x")) },
			"Set, large":        func() error { return repo.Update(ctx, "t", tallyNote.Set(large)) },
			"Add":               func() error { return repo.Update(ctx, "t", tallyN.Add(1)) },
			"Merge":             func() error { _, err := repo.Merge(ctx, "t", tallyNote.Set("x")); return err },
		} {
			t.Run(name, func(t *testing.T) {
				require.NoError(t, pooltest.Do(t, p, pool.User, "SET", key+"t", "text", "PX", "5000000").Error())
				require.ErrorIs(t, write(), hashrepo.ErrWrongType)
				left, err := pooltest.Do(t, p, pool.User, "PTTL", key+"t").ToInt64()
				require.NoError(t, err)
				require.Greater(t, left, int64(4_000_000))
				require.LessOrEqual(t, left, int64(5_000_000))
				text, err := pooltest.Do(t, p, pool.User, "GET", key+"t").ToString()
				require.NoError(t, err)
				require.Equal(t, "text", text)
			})
		}
	})
}
