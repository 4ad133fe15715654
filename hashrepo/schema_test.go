package hashrepo_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Node is a type that contains itself.
type Node struct {
	Name string  `redis:"name"`
	Next *Node   `redis:"next"`
	Kids []*Node `redis:"kids"`
}

// Described has a field of each kind.
type Described struct {
	Email    string               `redis:"email,unique"`
	Age      *int16               `redis:"age,index"`
	Tags     []string             `redis:"tags,index"`
	Joined   time.Time            `redis:"joined,index,was=since,was=date"`
	Ratio    float32              `redis:"ratio,index"`
	Active   bool                 `redis:"active,index"`
	Addr     netip.Addr           `redis:"addr,index"`
	Version  int64                `redis:"v,version"`
	Left     time.Duration        `redis:"left"`
	Blob     []byte               `redis:"blob"`
	Total    big.Int              `redis:"total"`
	Price    json.Number          `redis:"price"`
	Raw      json.RawMessage      `redis:"raw"`
	Any      any                  `redis:"any"`
	Root     Node                 `redis:"root"`
	ByTime   map[time.Time][]Node `redis:"by_time"`
	Grid     [2][2]uint8          `redis:"grid"`
	Sums     map[string]big.Int   `redis:"sums"`
	Optional *bool                `redis:"-,"`
	Short    string               `redis:"short,omitempty"`
	Zero     int                  `redis:"zero,omitzero"`
	Rest     map[string]string    `redis:",extra"`
}

func describedRecord() Described {
	age, yes := int16(-7), true
	at := time.Date(2026, 11, 29, 12, 0, 0, 5, time.UTC)
	return Described{
		Email: "ann\x00@\x01", Age: &age, Tags: []string{"b", "a", "b"}, Joined: at, Ratio: 1.5, Active: true,
		Addr: netip.MustParseAddr("10.0.0.1"), Left: time.Minute, Blob: []byte{0, 1}, Total: *big.NewInt(1 << 62), Price: "1.50",
		Raw: json.RawMessage(`{"a":[1]}`), Any: map[string]any{"a": int64(1)}, Root: Node{"a", &Node{Name: "b"}, []*Node{nil, {Name: "c"}}},
		ByTime: map[time.Time][]Node{at: {{Name: "d"}}}, Grid: [2][2]uint8{{1, 2}, {3, 255}}, Sums: map[string]big.Int{"a": *big.NewInt(-5)},
		Optional: &yes, Short: "s", Zero: 1, Rest: map[string]string{"other": "x"},
	}
}

// checkerOf returns the checker of a schema that was written as JSON.
func checkerOf(t testing.TB, s hashrepo.Schema) *hashrepo.Checker {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var read hashrepo.Schema
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, s, read)
	c, err := hashrepo.NewChecker(read)
	require.NoError(t, err)
	require.Equal(t, s, c.Schema())
	return c
}

// What a repository writes has no fault in the schema of its type, and the
// sort texts are those in its indexes.
func TestSchemaFitsRecords(t *testing.T) {
	space, err := keyspace.MustCompile("{tenant}:described:{id}").Bind("acme")
	require.NoError(t, err)
	for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
		t.Run(c.Name(), func(t *testing.T) {
			server := redistest.Server(t)
			pools := pooltest.Redis(t, pool.Config{URL: server.URL()})
			schema, err := hashrepo.Describe[Described](hashrepo.Codec(c))
			require.NoError(t, err)
			checker := checkerOf(t, schema)
			repo, err := hashrepo.New[Described](pools, pool.User, space, hashrepo.Codec(c))
			require.NoError(t, err)
			require.NoError(t, repo.Upsert(t.Context(), "full", describedRecord()))
			require.NoError(t, repo.Upsert(t.Context(), "empty", Described{}))
			client, err := pools.Client(pool.User)
			require.NoError(t, err)
			for _, id := range []string{"full", "empty"} {
				texts, err := client.Do(t.Context(), client.B().Hgetall().Key("acme:described:"+id).Build()).AsStrMap()
				require.NoError(t, err)
				require.Empty(t, checker.Check(texts))
				sorts := checker.IndexTexts(texts)
				require.Len(t, sorts, 7)
				for name, all := range sorts {
					require.Equal(t, membersOf(t, client, "%index:{acme:described:}:"+name, id), slices.Sorted(slices.Values(all)), name)
				}
			}
		})
	}
}

// membersOf returns the sort texts of an id in an index.
func membersOf(t testing.TB, c rueidis.Client, key, id string) (sorts []string) {
	t.Helper()
	members, err := c.Do(t.Context(), c.B().Zrange().Key(key).Min("0").Max("-1").Build()).AsStrSlice()
	require.NoError(t, err)
	for _, member := range members {
		if sort, of, _ := strings.Cut(member, "\x00"); of == id {
			sorts = append(sorts, sort)
		}
	}
	return sorts
}

// A text that the repository cannot read is a fault, with the name of the
// field.
func TestSchemaFindsFaults(t *testing.T) {
	schema, err := hashrepo.Describe[Described]()
	require.NoError(t, err)
	schema.Extra = false
	checker := checkerOf(t, schema)
	for field, text := range map[string]string{
		"age": "many", "tags": "a", "joined": "soon", "since": "soon", "ratio": "x", "active": "yes", "v": "1.5", "left": "long", "total": "x",
		"price": "x", "raw": "{", "root": `{"name":1}`, "by_time": `{"soon":[]}`, "grid": "[[1,2],[3,256]]", "sums": `{"a":"x"}`, "-": "yes", "zero": "x",
	} {
		errs := checker.Check(map[string]string{field: text, "_": ""})
		require.Len(t, errs, 1, field)
		var decode *codec.DecodeError
		require.ErrorAs(t, errs[0], &decode, field)
		require.ErrorContains(t, errs[0], "field ")
	}
	errs := checker.Check(map[string]string{"emial": "x", "date": "2026-11-29T12:00:00Z", "other": ""})
	require.Len(t, errs, 2)
	require.ErrorIs(t, errors.Join(errs...), hashrepo.ErrUnknownField)
	require.ErrorContains(t, errs[0], `field "emial"`)
	require.ErrorContains(t, errs[0], `did you mean "email"?`)
}

func TestSchemaOfMap(t *testing.T) {
	schema, err := hashrepo.Describe[map[string]int](hashrepo.NoTTL(), hashrepo.Listed())
	require.NoError(t, err)
	require.True(t, schema.Listed)
	require.Zero(t, schema.Lifetime)
	errs := checkerOf(t, schema).Check(map[string]string{"a": "1", "b": "x"})
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], `field "b"`)
}

// The names in the JSON are those that programs read.
func TestSchemaJSON(t *testing.T) {
	schema, err := hashrepo.Describe[Patron](hashrepo.TTL(time.Hour))
	require.NoError(t, err)
	data, err := json.Marshal(schema)
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"hashrepo_test.Patron","codec":"compact","lifetime_ms":3600000,"listed":true,"fields":[
		{"name":"email","go":"string","kind":"string","index":"t-email","unique":true},
		{"name":"age","go":"int","kind":"int","index":"n-age"},
		{"name":"tags","go":"[]string","kind":"list","elem":{"go":"string","kind":"string"},"index":"t-tags"},
		{"name":"note","go":"string","kind":"string"}]}`, string(data))
}

func TestDescribeRefuses(t *testing.T) {
	_, err := hashrepo.Describe[struct{ C chan int }]()
	require.ErrorIs(t, err, hashrepo.ErrInvalidSchema)
	_, err = hashrepo.Describe[Patron](hashrepo.TTL(time.Nanosecond))
	require.ErrorIs(t, err, hashrepo.ErrInvalidTTL)
	schema, err := hashrepo.Describe[Patron](hashrepo.Codec(otherCodec{}))
	require.NoError(t, err)
	_, err = hashrepo.NewChecker(schema)
	require.ErrorIs(t, err, hashrepo.ErrUnsupported)
}

type otherCodec struct{ codec.Codec }

func (otherCodec) Name() string { return "mine" }

// A file that Describe did not write is refused, and never panics.
func TestCheckerRefuses(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"fields":[{"name":"a","kind":"chan"}]}`,
		`{"fields":[{"name":"a,b","kind":"int"}]}`,
		`{"fields":[{"name":"","kind":"int"}]}`,
		`{"fields":[{"name":"a","kind":"int"},{"name":"a","kind":"int"}]}`,
		`{"fields":[{"name":"a","kind":"list"}]}`,
		`{"fields":[{"name":"a","kind":"map","elem":{"kind":"int"}}]}`,
		`{"fields":[{"name":"a","kind":"map","key":{"kind":"bytes"},"elem":{"kind":"int"}}]}`,
		`{"fields":[{"name":"a","kind":"array","len":-1,"elem":{"kind":"int"}}]}`,
		`{"fields":[{"name":"a","kind":"array","len":4611686018427387904,"elem":{"kind":"int"}}]}`,
		`{"fields":[{"name":"a","kind":"pointer","elem":{"kind":"any"}}]}`,
		`{"fields":[{"name":"a","kind":"any","index":"t-a"}]}`,
		`{"fields":[{"name":"a","kind":"int","was":["a"]}]}`,
		`{"fields":[{"name":"a","kind":"int"}],"values":{"kind":"int"}}`,
		`{"fields":[{"name":"a","kind":` + strings.Repeat(`"list","elem":{"kind":`, 200) + `"int"` + strings.Repeat(`}`, 200) + `}]}`,
	} {
		var schema hashrepo.Schema
		require.NoError(t, json.Unmarshal([]byte(text), &schema), text)
		schema.Codec = "compact"
		_, err := hashrepo.NewChecker(schema)
		require.ErrorIs(t, err, hashrepo.ErrInvalidSchema, text)
	}
}
