package systemtest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/pythontest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The models of the recorded samples, as Go types.
type (
	pyAddress struct {
		Street  string  `redis:"street"`
		Primary bool    `redis:"primary"`
		Zip     *string `redis:"zip"`
	}
	pyProfile struct {
		Name     string         `redis:"name"`
		Active   bool           `redis:"active"`
		Score    int64          `redis:"score"`
		Ratio    float64        `redis:"ratio"`
		Tags     []string       `redis:"tags"`
		Features []bool         `redis:"features"`
		Address  pyAddress      `redis:"address"`
		Extra    map[string]any `redis:"extra"`
		Nick     *string        `redis:"nick"`
	}
	pyUser struct {
		Name    string    `redis:"name"`
		City    string    `redis:"city"`
		Score   int       `redis:"score"`
		Active  bool      `redis:"active"`
		Ratio   float64   `redis:"ratio"`
		Tags    []string  `redis:"tags"`
		At      time.Time `redis:"at"`
		Profile pyProfile `redis:"profile"`
		None    *string   `redis:"none"`
	}
	pyState struct {
		Step int       `redis:"step"`
		Done bool      `redis:"done"`
		Ctx  string    `redis:"ctx"`
		L    []bool    `redis:"l"`
		Prof pyProfile `redis:"prof"`
		None *int      `redis:"none"`
	}
	pyRow struct {
		Name  string    `redis:"name"`
		Price float64   `redis:"price"`
		Stock int64     `redis:"stock"`
		Live  bool      `redis:"live"`
		Tags  []string  `redis:"tags"`
		Meta  pyProfile `redis:"meta"`
	}
	pyScratch struct {
		Step int             `redis:"step"`
		OK   bool            `redis:"ok"`
		Ctx  map[string]bool `redis:"ctx"`
		Prof pyProfile       `redis:"prof"`
	}
)

var (
	aliceZip = "110111"
	alice    = pyProfile{
		Name: "Álice \"A\" <&>\n", Active: true, Score: 100, Ratio: 0.5, Tags: []string{"x", "true", "ñ"},
		Features: []bool{true, false, true}, Address: pyAddress{"Cra 7 # 1-23", true, &aliceZip},
		Extra: map[string]any{
			"deep": map[string]any{"on": "1", "off": "0", "l": []any{"1", nil, int64(1), 1.0, "1x"}}, "n": nil, "f": 1e21,
		},
	}
)

// Structs read the dicts and models that Python wrote. The type of the field
// decides: "1" is true in a bool, and "true" is text in a string.
func TestReadPythonRecordsAsStructs(t *testing.T) {
	forEachPythonServer(t, func(t *testing.T, p *pool.Pools, server *pythonServer) {
		records := pythontest.Load(t).Records
		restored := func(id string) {
			i := slices.IndexFunc(records, func(r pythontest.Record) bool { return r.ID == id })
			require.GreaterOrEqual(t, i, 0, id)
			server.restore(records[i].Raw)
		}

		restored("user/life/mimeia/7")
		users, err := symphony.NewUser[pyUser](p, "mimeia", pythonLayout)
		require.NoError(t, err)
		user, err := users.Get(ctx, "u1")
		require.NoError(t, err)
		require.Equal(t, pyUser{
			Name: "Carl", City: "Cali", Score: 100, Active: true, Ratio: 0.5, Tags: []string{"a", "b"},
			At: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Profile: alice,
		}, user)

		restored("state/life/mimeia/18")
		states, err := symphony.NewStateHandler[pyState](p, "mimeia", "chat", pythonLayout)
		require.NoError(t, err)
		state, err := states.Get(ctx, "u1")
		require.NoError(t, err)
		require.Equal(t, pyState{Step: 2, Ctx: "bye", L: []bool{true}, Prof: alice}, state)

		restored("table/life/acme-co/11")
		rows, err := symphony.NewTable[pyRow](p, "acme-co", "products", pythonLayout)
		require.NoError(t, err)
		row, err := rows.Get(ctx, "7")
		require.NoError(t, err)
		require.Equal(t, pyRow{Name: "Cup", Price: 10, Stock: -1, Live: true, Tags: []string{"a"}, Meta: alice}, row)

		restored("ss/life/acme-co/7")
		shared, err := symphony.NewSharedState(p, "acme-co", "u1", pythonLayout)
		require.NoError(t, err)
		scratches, err := symphony.StateOf[pyScratch](shared)
		require.NoError(t, err)
		scratch, err := scratches.Get(ctx, "conversation")
		require.NoError(t, err)
		require.Equal(t, pyScratch{Step: 2, OK: true, Ctx: map[string]bool{"a": true}, Prof: alice}, scratch)

		restored("generic/life/mimeia/19")
		values, err := symphony.NewGeneric[pyProfile](p, "mimeia", pythonLayout)
		require.NoError(t, err)
		value, err := values.Get(ctx, "p")
		require.NoError(t, err)
		require.Equal(t, alice, value)

		restored("batch/life/mimeia/6")
		batch, err := symphony.NewBatch[pyProfile](p, "mimeia", pythonLayout)
		require.NoError(t, err)
		items, err := batch.Chunk(ctx, symphony.Queue{Service: "svc:mimeia", Entity: "ent", Action: "act"}, 1, -1)
		require.NoError(t, err)
		require.Equal(t, []pyProfile{alice}, items)
	})
}

// Python reads the structs that Go writes into its models with the same
// values.
func TestPythonReadsGoStructs(t *testing.T) {
	forEachPythonServer(t, func(t *testing.T, p *pool.Pools, server *pythonServer) {
		values, err := symphony.NewGeneric[pyProfile](p, "mimeia", pythonLayout)
		require.NoError(t, err)
		require.NoError(t, values.Set(ctx, "p", alice))
		text, err := server.do(15, "GET", "mimeia:p").ToString()
		require.NoError(t, err)
		got, err := pythontest.ReadModel("Profile", text)
		require.NoError(t, err)
		require.True(t, got.Same(aliceInPython()), "%s", got)
	})
}

// aliceInPython returns alice as Python reads her: the strings "1" and "0" are
// bools there.
func aliceInPython() pyProfile {
	inPython := alice
	inPython.Extra = map[string]any{
		"deep": map[string]any{"on": true, "off": false, "l": []any{true, nil, int64(1), 1.0, "1x"}}, "n": nil, "f": 1e21,
	}
	return inPython
}

// A table whose name or primary key has a colon uses the keys of the Python
// package, and every search finds its rows.
func TestPythonTablesWithColons(t *testing.T) {
	forEachPythonServer(t, func(t *testing.T, p *pool.Pools, server *pythonServer) {
		server.do(10, "HSET", "a:df:a_b:pkid:_", "name", "theirs")
		server.do(10, "HSET", "a:df:other:pkid:_", "name", "other")
		server.do(10, "HSET", "a:df:a_b:pkid:x:y", "name", "foreign")
		type row struct {
			Name string `redis:"name"`
		}
		rows, err := symphony.NewTable[row](p, "a", "a:b", pythonLayout)
		require.NoError(t, err)
		got, err := rows.Get(ctx, ":")
		require.NoError(t, err)
		require.Equal(t, row{"theirs"}, got)
		require.NoError(t, rows.Upsert(ctx, "u:1", row{"ours"}))
		ours, err := server.do(10, "HGET", "a:df:a_b:pkid:u_1", "name").ToString()
		require.NoError(t, err)
		require.Equal(t, "ours", ours)

		found := map[string]string{}
		for r, err := range rows.All(ctx) {
			require.NoError(t, err)
			found[r.ID] = r.Value.Name
		}
		require.Equal(t, map[string]string{"_": "theirs", "u_1": "ours"}, found)
		one, err := rows.FindByField(ctx, "name", "theirs")
		require.NoError(t, err)
		require.Equal(t, "_", one.ID)

		n, err := symphony.DeleteAllByPK(ctx, p, "a", ":", pythonLayout)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		n, err = rows.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		left, err := server.do(10, "EXISTS", "a:df:a_b:pkid:x:y").AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 1, left)
	})
}

// Without AllowAmbiguous, the Python layout refuses names whose keys could
// belong to another tenant or record.
func TestPythonLayoutRefusesAmbiguousNames(t *testing.T) {
	p := pooltest.Embedded(t)
	python := symphony.Layout(keyspace.Python())
	_, err := symphony.NewUser[pyUser](p, "acme:user", python)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	require.ErrorContains(t, err, "{tenant}")
	_, err = symphony.NewSharedState(p, "acme", "u:1", python)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	require.ErrorContains(t, err, "{user}")
	_, err = symphony.DeleteAllByPK(ctx, p, "acme", "k:1", python)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewStateHandler[pyState](p, "acme", "a:b", python)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.PendingTenants(ctx, p, "s:vc", python)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	batch, err := symphony.NewBatch[int](p, "acme", python)
	require.NoError(t, err)
	_, err = batch.Enqueue(ctx, symphony.Queue{Service: "s", Entity: "e:1", Action: "a"}, 1)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	triggers, err := symphony.NewTrigger(p, "acme", python)
	require.NoError(t, err)
	require.ErrorIs(t, triggers.Set(ctx, "send", "u:1", time.Minute), symphony.ErrInvalidKey)
	users, err := symphony.NewUser[pyUser](p, "acme", python)
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u:1", pyUser{}), "a colon in a user id is not ambiguous, since nothing follows the id")
}
