package sorttext

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

const manyTexts = 10_000

// Lua computes the same texts as Go, on every server.
func TestLuaComputesTheSameTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var numbers, floats, numberTexts, floatTexts []string
	addInt := func(i int64) {
		numbers = append(numbers, strconv.FormatInt(i, 10))
		numberTexts = append(numberTexts, intText(i))
	}
	addUint := func(u uint64) {
		numbers = append(numbers, strconv.FormatUint(u, 10))
		numberTexts = append(numberTexts, uintText(u))
	}
	addFloat := func(f float64) {
		// Without a decimal point tonumber of the embedded server returns nil.
		floats = append(floats, strconv.FormatFloat(f, 'e', 17, 64))
		floatTexts = append(floatTexts, floatText(f))
	}
	for _, i := range edgeInts {
		addInt(i)
	}
	addUint(math.MaxInt64 + 1)
	addUint(math.MaxUint64)
	for _, f := range edgeFloats {
		addFloat(f)
	}
	for len(numbers) < manyTexts {
		u := random.Uint64() >> random.IntN(64)
		addInt(int64(u))
		addInt(-int64(u))
		addUint(u)
	}
	for len(floats) < manyTexts {
		addFloat(math.Float64frombits(random.Uint64()))
		addFloat(math.Float64frombits(random.Uint64() & (1<<63 | 1<<52 - 1))) // subnormal
		addFloat((random.Float64() - 0.5) * 1e6)
		addFloat(float64(random.IntN(2_000_000)-1_000_000) / 100)
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		require.Equal(t, numberTexts, evalEach(t, p, `return sort_number(arg)`, numbers))
		require.Equal(t, floatTexts, evalEach(t, p, `
			if arg == 'NaN' then return sort_float(0/0) end
			if arg == '+Inf' then return sort_float(1/0) end
			if arg == '-Inf' then return sort_float(-1/0) end
			return sort_float(tonumber(arg))`, floats))
	})
}

func TestLuaNumberThatIsNone(t *testing.T) {
	texts := []string{
		"", "-", "+1", "1.0", "1e3", " 1", "1 ", "x", "nan", "--1", "1\n", "18446744073709551616", "99999999999999999999",
		"100000000000000000000", "-9223372036854775809", "-18446744073709551615",
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, text := range evalEach(t, p, `return sort_number(arg) or 'nil'`, texts) {
			require.Equal(t, "nil", text)
		}
	})
}

// A writer other than Go may store zeros that do not count.
func TestLuaNumberWithZeros(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		texts := evalEach(t, p, `return sort_number(arg)`, []string{"-0", "000", "-000", "007", "-007", "0000000000000000000000000007"})
		require.Equal(t, []string{zero, zero, zero, intText(7), intText(-7), intText(7)}, texts)
	})
}

// evalEach returns the result of the Lua function body for each argument.
func evalEach(t *testing.T, p *pool.Pools, body string, args []string) []string {
	t.Helper()
	client, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	script := Lua + "local function each(arg) " + body + " end\nlocal all = {}\n" +
		"for i = 1, #ARGV do all[i] = each(ARGV[i]) end\nreturn all"
	results, err := client.Do(t.Context(), client.B().Eval().Script(script).Numkeys(0).Arg(args...).Build()).AsStrSlice()
	require.NoError(t, err)
	return results
}
