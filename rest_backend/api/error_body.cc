#include "rest_backend/api/error_body.h"
