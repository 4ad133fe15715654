package codec

import "encoding/json"

// any reads the next value as the type that its text suggests.
func (r *jsonReader) any() (any, error) {
	switch r.peek() {
	case 'n':
		return nil, r.literal("null")
	case 't':
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	case '"':
		text, err := r.string()
		if err == nil {
			err = r.spend(boxedSize)
		}
		return r.retain(text), err
	case '[':
		return r.anyArray()
	case '{':
		return r.anyObject()
	default:
		token, err := r.floatToken()
		if err == nil {
			err = r.spend(boxedSize)
		}
		if err != nil {
			return nil, err
		}
		x := anyNumber(token)
		if n, ok := x.(json.Number); ok {
			return json.Number(r.retain(string(n))), nil
		}
		return x, nil
	}
}

// anyNumber returns a number as int64 or float64. If neither can represent it,
// it returns a json.Number.
func anyNumber(token string) any {
	if n, err := parseInt(token, 64); err == nil {
		return n
	} else if err == errRange {
		return json.Number(token)
	}
	f, err := parseFloat(token, 64)
	if err != nil {
		return json.Number(token)
	}
	return f
}

func (r *jsonReader) anyArray() (any, error) {
	if err := r.open('['); err != nil {
		return nil, err
	}
	if err := r.spend(headerSize); err != nil {
		return nil, err
	}
	list := []any{}
	for more := r.first(']'); more; {
		if err := r.spend(anyElementSize); err != nil {
			return nil, err
		}
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
		if more, err = r.next(']'); err != nil {
			return nil, err
		}
	}
	return list, r.close(']')
}

func (r *jsonReader) anyObject() (any, error) {
	if err := r.open('{'); err != nil {
		return nil, err
	}
	if err := r.spend(headerSize); err != nil {
		return nil, err
	}
	table := map[string]any{}
	more, err := r.firstEntry(commonGroupSize)
	for more && err == nil {
		if err := r.spend(commonEntrySize); err != nil {
			return nil, err
		}
		name, err := r.memberName()
		if err != nil {
			return nil, err
		}
		name = r.retain(name)
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		table[name] = x
		if more, err = r.next('}'); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return table, r.close('}')
}
