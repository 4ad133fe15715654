package hashrepo

import (
	"fmt"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/sorttext"
)

// Order is the order of the records of a [Query]. [Field.Asc] and [Field.Desc]
// return an Order. The zero Order is by the id as it is written in the key,
// byte by byte.
type Order[T any] struct{ order }

// order is an Order without its type parameter. The name has not been checked.
type order struct {
	name       string
	byField    bool
	descending bool
}

// compileOrder returns the index that has the order, or nil for the order of
// the ids. Its errors name the field.
func (c *core) compileOrder(o order) (*index, error) {
	if !o.byField {
		return nil, nil //nolint:nilnil // no index is the order of the ids
	}
	f, err := c.plan.fieldNamed(o.name)
	if err != nil {
		return nil, err
	}
	if f.sealed {
		return nil, &fieldError{o.name, errSealedCondition}
	}
	if x := c.plan.indexOf(o.name); x != nil {
		if x.encoder.IsList() {
			return nil, &fieldError{o.name, fmt.Errorf("%w: %v has no order; use a field that is not a list", fault.ErrFieldType, f.Field.Type)}
		}
		return x, nil
	}
	if _, err := sorttext.For(f.Field.Type); err != nil {
		return nil, &fieldError{o.name, fmt.Errorf("%w: %w", fault.ErrFieldType, err)}
	}
	return nil, &fieldError{o.name, fmt.Errorf("%w: an order needs an index; add the option index to the tag of the field", fault.ErrUnsupported)}
}
