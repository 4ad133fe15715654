package codec

import "encoding/json"

// any reads the next value as the type that its text suggests.
func (r *jsonReader) any() (any, error) {
	switch r.peek() {
	case 'n':
		return nil, r.word("null")
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case '"':
		text, err := r.string()
		if err == nil {
			err = r.take(boxSize)
		}
		return r.keep(text), err
	case '[':
		return r.anyList()
	case '{':
		return r.anyTable()
	default:
		token, err := r.floatToken()
		if err == nil {
			err = r.take(boxSize)
		}
		if err != nil {
			return nil, err
		}
		x := anyNumber(token)
		if n, ok := x.(json.Number); ok {
			return json.Number(r.keep(string(n))), nil
		}
		return x, nil
	}
}

// anyNumber is an int64 or a float64, and a json.Number where neither can hold it.
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

func (r *jsonReader) anyList() (any, error) {
	if err := r.open('['); err != nil {
		return nil, err
	}
	if err := r.take(holderSize); err != nil {
		return nil, err
	}
	list := []any{}
	for more := r.first(']'); more; {
		if err := r.take(elementSize); err != nil {
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

func (r *jsonReader) anyTable() (any, error) {
	if err := r.open('{'); err != nil {
		return nil, err
	}
	if err := r.take(holderSize); err != nil {
		return nil, err
	}
	table := map[string]any{}
	more, err := r.firstEntry(groupSize)
	for more && err == nil {
		if err := r.take(entrySize); err != nil {
			return nil, err
		}
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		name = r.keep(name)
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
