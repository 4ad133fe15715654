package hashrepo

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/sorttext"
)

// Cond is a condition on one field of T, for [HashRepo.Find],
// [HashRepo.FindOne], [HashRepo.Page] and [HashRepo.Count]. The methods of a
// handle return conditions: [Field.Eq], [Field.In], [Field.Between],
// [Field.AtLeast], [Field.AtMost], [Text.Prefix] and [List.Contains].
type Cond[T any] struct{ comparison }

// comparison is a Cond without its type parameter. The name and the values have
// not been checked.
type comparison struct {
	name   string
	kind   comparisonKind
	values []any
}

type comparisonKind uint8

const (
	compareEqual comparisonKind = iota // to one of the values
	compareBetween
	compareAtLeast
	compareAtMost
	comparePrefix
	compareContains
)

func comparisonsOf[T any](conds []Cond[T]) []comparison {
	all := make([]comparison, len(conds))
	for i, c := range conds {
		all[i] = c.comparison
	}
	return all
}

// condition is a Cond that is compiled for a repository. It holds for some
// stored texts of a field, or for some sort texts of the field's value.
type condition struct {
	name  string
	field *field // with the type that a stored text is decoded as

	byText bool
	texts  []string // if byText: the stored texts, in order
	absent bool     // if byText: whether the condition holds if the field is absent

	// ranges are the ranges of sort texts, in order. If byText, a record that
	// matches is in one of them, but not every record in them matches; they are
	// empty if the field has no index or absent is set.
	ranges  []textRange
	encoder *sorttext.Encoder // nil if byText
	index   *index            // over the field; nil if there is none
}

// textRange is a range of sort texts: low <= text < high. An empty high is no
// limit.
type textRange struct{ low, high string }

func (r textRange) contains(text string) bool {
	return r.low <= text && (r.high == "" || text < r.high)
}

// rangeOf returns the range that contains one text. No text continues another
// one with a byte less than 1.
func rangeOf(text string) textRange { return textRange{text, text + "\x01"} }

// compileConditions checks and encodes conditions. Its errors name the field.
func (c *core) compileConditions(op string, comparisons []comparison) ([]condition, error) {
	t := fault.Target{Op: op, Pool: c.Alias}
	all := make([]condition, len(comparisons))
	for i := range comparisons {
		var err error
		if all[i], err = c.compileCondition(&comparisons[i]); err != nil {
			return nil, notApplied(t.WithField(comparisons[i].name), err)
		}
	}
	return all, nil
}

func (c *core) compileCondition(cmp *comparison) (condition, error) {
	f, err := c.plan.fieldNamed(cmp.name)
	if err != nil {
		return condition{}, err
	}
	if f.sealed {
		return condition{}, errSealedCondition
	}
	cond := condition{name: cmp.name, field: f, index: c.plan.indexOf(cmp.name)}
	if cmp.kind == compareEqual {
		err := c.compileTexts(&cond, cmp.values)
		return cond, err
	}
	if slices.Contains(cmp.values, nil) {
		return cond, errNilBound
	}
	if c.plan.hasOpenValues() {
		if cond.field, err = c.fieldAs(f, reflect.TypeOf(cmp.values[0])); err != nil {
			return cond, err
		}
	}
	err = cond.compileRanges(cmp)
	return cond, err
}

// compileTexts compiles the condition that the stored text is that of a value.
func (c *core) compileTexts(cond *condition, values []any) error {
	cond.byText = true
	for _, value := range values {
		encoded, err := c.encodeField(cond.name, value)
		if err != nil {
			return err
		}
		cond.absent = cond.absent || !encoded.present()
		if !encoded.isNil {
			cond.texts = append(cond.texts, encoded.text)
		}
	}
	slices.Sort(cond.texts)
	cond.texts = slices.Compact(cond.texts)
	if cond.index == nil || cond.absent {
		return nil
	}
	for _, text := range cond.texts {
		sorts, err := sortsOfText(cond.field, cond.index.encoder, text)
		if err != nil {
			return err
		}
		if len(sorts) == 0 { // an empty list
			cond.ranges = nil
			return nil
		}
		cond.ranges = append(cond.ranges, rangeOf(sorts[0]))
	}
	slices.SortFunc(cond.ranges, func(a, b textRange) int { return strings.Compare(a.low, b.low) })
	cond.ranges = slices.Compact(cond.ranges)
	return nil
}

var errNilBound = fmt.Errorf("%w: nil is neither before nor after a value; pass a value", fault.ErrFieldType)

// compileRanges compiles a condition on the order of the values.
func (c *condition) compileRanges(cmp *comparison) error {
	typ := c.field.Field.Type
	var err error
	if c.encoder, err = sorttext.For(typ); err != nil {
		return fmt.Errorf("%w: %w", fault.ErrFieldType, err)
	}
	if cmp.kind == comparePrefix {
		return c.compilePrefix(cmp.values[0].(string))
	}
	if isList := c.encoder.IsList(); isList != (cmp.kind == compareContains) {
		if isList {
			return fmt.Errorf("%w: %v has no order; use Contains", fault.ErrFieldType, typ)
		}
		return fmt.Errorf("%w: %v is not a list; use Eq", fault.ErrFieldType, typ)
	}
	bounds := make([]string, len(cmp.values))
	for i, value := range cmp.values {
		v, err := convert(value, typ)
		if err != nil {
			return err
		}
		sorts, err := c.encoder.Append(nil, v)
		if err != nil {
			return fmt.Errorf("%w: %w", fault.ErrFieldType, err)
		}
		if len(sorts) == 0 {
			return errNilBound
		}
		bounds[i] = sorts[0]
	}
	c.ranges = rangesBetween(cmp.kind, bounds, c.encoder.Kind())
	return nil
}

// compilePrefix compiles the condition that a text begins with a prefix.
func (c *condition) compilePrefix(prefix string) error {
	if c.encoder.Kind() != sorttext.Text || c.encoder.IsList() {
		return fmt.Errorf("%w: %v is not ordered as a text; use Prefix only for fields of strings", fault.ErrFieldType, c.field.Field.Type)
	}
	r := textRange{low: mustSort(prefix)}
	r.high, _ = sorttext.Next(r.low)
	c.ranges = []textRange{r}
	return nil
}

// rangesBetween returns the ranges of a comparison with bounds. NaN is in none
// of them.
func rangesBetween(kind comparisonKind, bounds []string, order sorttext.Kind) []textRange {
	if kind == compareContains {
		return []textRange{rangeOf(bounds[0])}
	}
	if order == sorttext.Float && slices.Contains(bounds, nan) {
		return nil
	}
	var r textRange
	switch kind {
	case compareBetween:
		if bounds[0] >= bounds[1] { // an empty high is no bound in a textRange
			return nil
		}
		r = textRange{bounds[0], bounds[1]}
	case compareAtLeast:
		if r.low = bounds[0]; order == sorttext.Float {
			r.high = nan
		}
	case compareAtMost:
		r.high = rangeOf(bounds[0]).high
	}
	return []textRange{r}
}

// nan is the sort text of NaN, which is greater than those of numbers.
var nan = mustSort(math.NaN())

// mustSort returns the sort text of a value that has one.
func mustSort[V string | float64](value V) string {
	encoder, err := sorttext.For(reflect.TypeFor[V]())
	sorts, errAppend := encoder.Append(nil, reflect.ValueOf(value))
	if err = errors.Join(err, errAppend); err != nil {
		panic(err) // every string and every float64 has one
	}
	return sorts[0]
}

// sortsOfText returns the sort texts of the value that is stored as text.
func sortsOfText(f *field, encoder *sorttext.Encoder, text string) ([]string, error) {
	v := reflect.New(f.Field.Type).Elem()
	if err := f.Decode(text, v); err != nil {
		return nil, err
	}
	return encoder.Append(nil, v)
}

// holdNever reports whether one of the conditions holds for no record.
func holdNever(conds []condition) bool {
	return slices.ContainsFunc(conds, func(c condition) bool {
		if c.byText {
			return len(c.texts) == 0 && !c.absent
		}
		return len(c.ranges) == 0
	})
}

// holds reports whether the condition holds for a stored field, which is absent
// if stored is false. A text that is no value of the field is in no range.
func (c *condition) holds(reply rueidis.RedisMessage, stored bool) bool {
	if !stored || reply.IsNil() {
		return c.absent
	}
	text, err := reply.ToString()
	if err != nil {
		return false
	}
	if c.byText {
		_, found := slices.BinarySearch(c.texts, text)
		return found
	}
	sorts, err := sortsOfText(c.field, c.encoder, text)
	return err == nil && slices.ContainsFunc(sorts, func(sort string) bool {
		return slices.ContainsFunc(c.ranges, func(r textRange) bool { return r.contains(sort) })
	})
}
